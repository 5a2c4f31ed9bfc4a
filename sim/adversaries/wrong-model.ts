/** Runs another model than the one ordered, and says so by the graph that it names. */
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import { resultOf } from '../work.ts'
import type { Adversary, Body } from './adversary.ts'

const OTHER_GRAPH = keccakHash(utf8('another graph'))

export function wrongModel(body: Body): Adversary {
  return (effect) => {
    if (effect.kind !== 'execute') return false
    const result = { ...resultOf(effect.jobId, effect.job, true), graph: OTHER_GRAPH }
    body.claim(effect, result, 'cheap')
    body.strike()
    return true
  }
}
