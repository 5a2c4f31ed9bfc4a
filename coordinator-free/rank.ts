/**
 * Rendezvous hashing, weighted linearly in stake: to come first, splitting a stake over many nodes gains nothing, and a
 * node that comes or goes moves only its own share. The key of a node is -ln(U) / stake with U drawn from (purpose,
 * subject, node); the smallest goes first. In integers, compared by cross-multiplication, so that a contract can repeat it.
 * Source: weighted rendezvous hashing, J. Resch, SNIA 2015.
 */
import type { Address } from '../protocol/fields.ts'
import { negativeLn } from '../protocol/fixed-point.ts'
import { fromHex, type Hash, keccak, toBigInt, utf8 } from '../protocol/hash.ts'
import type { Member } from './members.ts'
import { DRAW_BITS } from './seats.ts'

export function rank(members: readonly Member[], purpose: string, subject: Hash): Member[] {
  const keyed = members.map((member) => ({ member, key: keyOf(member, purpose, subject) }))
  keyed.sort((a, b) => {
    const left = a.key * b.member.stakeWei
    const right = b.key * a.member.stakeWei
    if (left !== right) return left < right ? -1 : 1
    return a.member.node < b.member.node ? -1 : 1
  })
  return keyed.map(({ member }) => member)
}

function keyOf(member: Member, purpose: string, subject: Hash): bigint {
  return negativeLn(2n * drawOf(purpose, subject, member.node) + 1n, DRAW_BITS + 1n)
}

/** A number in 0 … 2^64 - 1 that purpose and subject draw, for a node where one is named. */
export function drawOf(purpose: string, subject: Hash, node?: Address): bigint {
  const digest = keccak(utf8(purpose), fromHex(subject), node ? fromHex(node) : new Uint8Array())
  return toBigInt(digest.subarray(0, Number(DRAW_BITS) / 8))
}
