/** Refuses every job: no price is enough. */
import type { Adversary, Body } from './adversary.ts'

export function choosy(body: Body): Adversary {
  return (effect) => {
    if (effect.kind !== 'execute') return false
    body.handle({ kind: 'refused', jobId: effect.jobId, reason: 'price' })
    body.strike()
    return true
  }
}
