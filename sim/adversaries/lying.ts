/** Hands in a wrong output, and says the opposite of what it finds. */
import { resultOf, truthOf } from '../work.ts'
import type { Adversary, Body } from './adversary.ts'

export function lying(body: Body): Adversary {
  return (effect) => {
    if (effect.kind === 'execute') {
      body.claim(effect, resultOf(effect.jobId, effect.job, true), 'cheap')
    } else if (effect.kind === 'verify' || effect.kind === 'hear') {
      body.judge(effect, truthOf(effect) === 'pass' ? 'fail' : 'pass', 'looked')
    } else return false
    body.strike()
    return true
  }
}
