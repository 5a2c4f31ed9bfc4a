/** What attribution is worth: whether it says whose data made a difference, and who would be paid for another's words. */
import type { Benchmark } from '../figure.ts'
import { indexCost } from './index-cost.ts'
import { retraining } from './retraining.ts'
import { rewording } from './rewording.ts'

const PARTS = { retraining, rewording, index: indexCost } as const

export const benchmarkAttribution: Benchmark = {
  parts: Object.keys(PARTS),
  run: async function* (only, say) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (only === undefined || only === name) yield* part(say)
    }
  },
}
