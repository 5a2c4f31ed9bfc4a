/** Lets its turn go at once, and signs what the next worker hands in as its own: the job fixes every token. */
import type { Effect } from '../../coordinator-free/events.ts'
import type { Claim } from '../../protocol/claim.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Adversary, Body } from './adversary.ts'

/** To fetch the result and to sign it. */
const COPY_MS = 50

export function copying(body: Body): Adversary {
  const letGo = new Set<Hash>()
  return (effect) => {
    if (effect.kind === 'execute') {
      letGo.add(effect.jobId)
      body.handle({ kind: 'refused', jobId: effect.jobId, reason: 'busy' })
      return true
    }
    const claim = claimHeard(effect)
    if (claim && claim.worker !== body.self && letGo.delete(claim.jobId)) {
      const { jobId, output, commitment, attribution, units, graph } = claim
      const result = { output, commitment, attribution, units, graph }
      body.later(COPY_MS, () => body.handle({ kind: 'executed', jobId, result }))
      body.strike()
    }
    return false
  }
}

function claimHeard(effect: Effect): Claim | undefined {
  if (effect.kind !== 'tell' || effect.news.kind !== 'message') return undefined
  const { message } = effect.news.envelope
  return message.kind === 'claim' ? message.body : undefined
}
