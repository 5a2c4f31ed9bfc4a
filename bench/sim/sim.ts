/**
 * The simulator's figures: its kernel beside others, depth F at its sizes, what depth E earns, whether a seed is
 * a run, and how far depth F is off beside depth R and real nodes.
 */
import type { Benchmark } from '../figure.ts'
import { calibration } from './calibration.ts'
import { dst } from './dst.ts'
import { economy } from './economy.ts'
import { gossip } from './gossip.ts'
import { kernel } from './kernel.ts'
import { network } from './network.ts'
import { repeat } from './repeat.ts'
import { virtual } from './virtual.ts'

const PARTS = { kernel, gossip, dst, network, economy, repeat, virtual, calibration } as const

/** Takes twenty minutes of the clock, in which nothing else should run: only where it is named. */
const SLOW: readonly string[] = ['calibration']

export const benchmarkSim: Benchmark = {
  parts: Object.keys(PARTS),
  run: async function* (only, say) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (only === undefined ? SLOW.includes(name) : only !== name) continue
      say(`${name} …`)
      yield* part(say)
    }
  },
}
