/** A ring: its workers lie, and its validators pass what they sign. Others' claims are looked at as they should be. */
import { resultOf } from '../work.ts'
import type { Adversary, Body } from './adversary.ts'

export function colluding(body: Body): Adversary {
  body.ring.add(body.self)
  return (effect) => {
    if (effect.kind === 'execute') {
      body.claim(effect, resultOf(effect.jobId, effect.job, true), 'cheap')
    } else if (effect.kind === 'verify' || effect.kind === 'hear') {
      if (!body.ring.has(effect.claim.worker)) return false
      body.judge(effect, 'pass', 'told')
    } else return false
    body.strike()
    return true
  }
}
