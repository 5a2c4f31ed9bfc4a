/** Costs others time and itself its pay: refuses jobs or lets its turns run out in silence, and leaves its seats empty. */
import type { Hash } from '../../protocol/hash.ts'
import type { Adversary, Body } from './adversary.ts'

export function griefing(body: Body): Adversary {
  const silent = new Set<Hash>()
  return (effect) => {
    if (effect.kind === 'publish') {
      return effect.message.kind === 'beat' && silent.has(effect.message.body.jobId)
    }
    if (effect.kind === 'execute') {
      if (body.dice.unit() < 1 / 2) {
        body.handle({ kind: 'refused', jobId: effect.jobId, reason: 'busy' })
      } else silent.add(effect.jobId)
    } else if (effect.kind !== 'verify' && effect.kind !== 'offer' && effect.kind !== 'post') {
      return false
    }
    body.strike()
    return true
  }
}
