/**
 * Floods everybody, each time that it compares notes with a neighbour: rubbish, what is too large, what was said before, and
 * what is well formed, signed and about nothing that exists.
 */
import { keccak, keccakHash, utf8, word } from '../../protocol/hash.ts'
import type { Message } from '../../protocol/message.ts'
import { MAX_ENVELOPE_BYTES } from '../../protocol/params.ts'
import { resultOf } from '../work.ts'
import type { Adversary, Body } from './adversary.ts'

/** Each time, of each kind. */
const OF_EACH = 10

export function spamming(body: Body): Adversary {
  let count = 0
  return ({ kind }) => {
    if (kind !== 'reconcile' || body.isOver) return false
    for (let i = 0; i < OF_EACH; i++) {
      count += 1
      body.shout(keccak(utf8('rubbish'), word(body.dice.uint32())))
      for (const message of uselessOnes(body, count)) body.say(message)
    }
    body.shout(new Uint8Array(MAX_ENVELOPE_BYTES + 1))
    for (const { bytes } of [...body.ledger.envelopes.values()].slice(0, OF_EACH)) body.shout(bytes)
    body.strike()
    return false
  }
}

function uselessOnes(body: Body, count: number): Message[] {
  const { self, role, nowMs, ledger } = body
  const jobId = keccakHash(utf8(self), word(count))
  const issuedAtMs = nowMs
  if (role === 'worker') {
    const [known, job] = [...ledger.jobs][0] ?? []
    const beat = {
      jobId,
      worker: self,
      done: 0,
      total: 0,
      lossMicro: 0,
      state: '',
      issuedAtMs,
    } as const
    const claims: Message[] =
      known && job
        ? [
            {
              kind: 'claim',
              body: { ...resultOf(known, job.body, true), jobId, worker: self, issuedAtMs },
            },
          ]
        : []
    const refusal = { jobId, worker: self, reason: 'busy', issuedAtMs } as const
    return [{ kind: 'beat', body: beat }, { kind: 'refusal', body: refusal }, ...claims]
  }
  const vote = { jobId, claim: jobId, validator: self, verdict: 'pass', reason: 'none' } as const
  const number = ledger.batches.last + 1
  const proposal = {
    ...{ proposer: self, number, previous: jobId, claims: [jobId], votes: [] },
    ...{ epoch: ledger.parameters.epochAt(nowMs), collects: true, availability: '', issuedAtMs },
  }
  return [
    { kind: 'vote', body: { ...vote, checked: 8, beaconBlock: 1, seal: jobId, issuedAtMs } },
    { kind: 'endorsement', body: { validator: self, header: jobId } },
    { kind: 'proposal', body: proposal },
  ]
}
