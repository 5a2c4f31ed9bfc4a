/**
 * Rendezvous hashing, weighted linearly in stake: to come first, splitting a stake over many nodes gains nothing, and a
 * node that comes or goes moves only its own share. The key of a node is -ln(U) / stake with U drawn from (purpose,
 * subject, node); the smallest goes first. In integers, compared by cross-multiplication, so that a contract can repeat it.
 * Nearly always the keys are so far apart that floating point says the same, a hundred times as fast.
 * Source: weighted rendezvous hashing, J. Resch, SNIA 2015.
 */
import type { Address } from '../protocol/fields.ts'
import { negativeLn } from '../protocol/fixed-point.ts'
import { fromHex, type Hash, keccak, toBigInt, utf8 } from '../protocol/hash.ts'
import type { Member } from './registry.ts'
import { DRAW_BITS } from './seats.ts'

const DRAW_BYTES = Number(DRAW_BITS) / 8

interface Drawn {
  readonly member: Member
  readonly draw: Uint8Array
  /** The key, but for some parts in 10^11; not a number where it may be further off. */
  readonly nearly: number
}

export function rank(members: readonly Member[], purpose: string, subject: Hash): Member[] {
  const seed = [utf8(purpose), fromHex(subject)] as const
  const drawn = members.map((member): Drawn => {
    const draw = keccak(...seed, fromHex(member.node)).subarray(0, DRAW_BYTES)
    return { member, draw, nearly: nearKey(draw) / Number(member.stakeWei) }
  })
  return drawn.sort(compare).map(({ member }) => member)
}

/** A number in 0 … 2^64 - 1 that purpose and subject draw, for a node where one is named. */
export function drawOf(purpose: string, subject: Hash, node?: Address): bigint {
  const digest = keccak(utf8(purpose), fromHex(subject), node ? fromHex(node) : new Uint8Array())
  return toBigInt(digest.subarray(0, DRAW_BYTES))
}

/** How far apart keys must be, as part of their sum, for floating point to tell them apart whatever the engine's logarithm. */
const APART = 1e-9

function compare(a: Drawn, b: Drawn): number {
  if (Math.abs(a.nearly - b.nearly) > APART * (a.nearly + b.nearly)) return a.nearly - b.nearly
  const left = exactKey(a.draw) * b.member.stakeWei
  const right = exactKey(b.draw) * a.member.stakeWei
  if (left !== right) return left < right ? -1 : 1
  return a.member.node < b.member.node ? -1 : 1
}

/** -ln(U) in Q64, with U the middle of what the draw leaves open. */
function exactKey(draw: Uint8Array): bigint {
  return negativeLn(2n * toBigInt(draw) + 1n, DRAW_BITS + 1n)
}

/** The same as a floating-point number. Close to 0 the logarithm loses digits, and the exact one has none to spare. */
function nearKey(draw: Uint8Array): number {
  const view = new DataView(draw.buffer, draw.byteOffset, DRAW_BYTES)
  const near = -Math.log((view.getUint32(0) + (view.getUint32(4) + 0.5) / 2 ** 32) / 2 ** 32)
  return near > 1e-5 ? near : Number.NaN
}
