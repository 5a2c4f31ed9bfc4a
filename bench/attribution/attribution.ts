/** What attribution is worth: who would be paid for saying again what another has said. */
import type { Benchmark } from '../figure.ts'
import { rewording } from './rewording.ts'

const PARTS = { rewording } as const

export const benchmarkAttribution: Benchmark = {
  parts: Object.keys(PARTS),
  run: async function* (only, say) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (only === undefined || only === name) yield* part(say)
    }
  },
}
