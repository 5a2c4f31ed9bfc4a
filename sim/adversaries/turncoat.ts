/** Does its first jobs as it should, and lies from then on. */
import { resultOf } from '../work.ts'
import type { Adversary, Body } from './adversary.ts'

const GOOD_JOBS = 2

export function turncoat(body: Body): Adversary {
  let jobs = 0
  return (effect) => {
    if (effect.kind !== 'execute') return false
    jobs += 1
    if (jobs <= GOOD_JOBS) return false
    body.claim(effect, resultOf(effect.jobId, effect.job, true), 'cheap')
    body.strike()
    return true
  }
}
