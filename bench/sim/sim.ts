/** The simulator's figures: its kernel beside others, depth F at its sizes, and whether a seed is a run. */
import type { Benchmark } from '../figure.ts'
import { dst } from './dst.ts'
import { gossip } from './gossip.ts'
import { kernel } from './kernel.ts'
import { repeat } from './repeat.ts'

const PARTS = { kernel, gossip, dst, repeat } as const

export const benchmarkSim: Benchmark = async function* (only, say) {
  for (const [name, part] of Object.entries(PARTS)) {
    if (only !== undefined && only !== name) continue
    say(`${name} …`)
    yield* part(say)
  }
}
