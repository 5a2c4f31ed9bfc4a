/** The figures of the chain's side: what things cost, and what is lost or doubled when processes and chains are killed. */
import type { Benchmark } from '../figure.ts'
import { gas } from './gas.ts'
import { indexer } from './indexer.ts'
import { outbox } from './outbox.ts'

const PARTS = { gas, outbox, indexer } as const

export const benchmarkContracts: Benchmark = {
  parts: Object.keys(PARTS),
  run: async function* (only, say) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (only !== undefined && only !== name) continue
      say(`${name} …`)
      yield* part(say)
    }
  },
}
