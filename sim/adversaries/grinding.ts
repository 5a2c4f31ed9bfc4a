/**
 * A worker of a ring that tries many times of signing, and lies where one of them seats nobody but the ring as auditors.
 * Where none does, or the seats cannot be known before the claim is out, it works honestly.
 */
import { seatsOf } from '../../coordinator-free/committee.ts'
import type { Hash } from '../../protocol/hash.ts'
import { type Message, type MessageOf, messageDigest } from '../../protocol/message.ts'
import { AUDITORS } from '../../protocol/params.ts'
import { resultOf } from '../work.ts'
import type { Adversary, Body, Execution } from './adversary.ts'

const TRIES = 128

export function grinding(body: Body): Adversary {
  body.ring.add(body.self)
  const chosen = new Map<Hash, number>()
  return (effect) => {
    if (effect.kind === 'execute') {
      body.strike()
      const issuedAtMs = search(body, effect)
      if (issuedAtMs === undefined) return false
      chosen.set(effect.jobId, issuedAtMs)
      body.claim(effect, resultOf(effect.jobId, effect.job, true), 'cheap')
      return true
    }
    if (effect.kind !== 'publish' || effect.message.kind !== 'claim') return false
    const issuedAtMs = chosen.get(effect.message.body.jobId)
    if (issuedAtMs === undefined) return false
    const message: Message = { kind: 'claim', body: { ...effect.message.body, issuedAtMs } }
    body.perform({ ...effect, message })
    return true
  }
}

/** A time of signing with which the ring sits alone. */
function search(body: Body, { jobId, job }: Execution): number | undefined {
  const false_ = { ...resultOf(jobId, job, true), jobId, worker: body.self }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const claim = { ...false_, issuedAtMs: body.nowMs + attempt }
    if (sitsAlone(body, claim)) return claim.issuedAtMs
  }
  return undefined
}

function sitsAlone(body: Body, claim: MessageOf<'claim'>['body']): boolean {
  const message: Message = { kind: 'claim', body: claim }
  const digest = messageDigest(message, body.messages)
  const envelope = { message, digest, signature: '0x', bytes: new Uint8Array() } as const
  const arrived = { arrivedAtMs: body.nowMs, arrivedAtBlock: body.ledger.head?.number ?? 0 }
  const { order } = seatsOf(body.ledger, { envelope, body: claim, ...arrived }, body.nowMs)
  const seats = order.slice(0, AUDITORS)
  return seats.length > 0 && seats.every(({ node }) => body.ring.has(node))
}
