/** The engine's figures: speed against PyTorch and PEFT at equal threads, adapters by the thousand, memory, isolation. */
import type { Benchmark } from '../figure.ts'
import { disk, thousand, together } from './adapters.ts'
import { checkpointing } from './checkpointing.ts'
import { churn } from './churn.ts'
import { isolation } from './isolation.ts'
import { quantised } from './quantised.ts'
import { reading } from './reading.ts'
import { training } from './training.ts'
import { workbench } from './workbench.ts'

const PARTS = {
  reading,
  training,
  checkpointing,
  together,
  disk,
  thousand,
  quantised,
  isolation,
  churn,
} as const

export const benchmarkEngine: Benchmark = {
  parts: Object.keys(PARTS),
  run: async function* (only, say) {
    await using bench = await workbench(say)
    for (const [name, part] of Object.entries(PARTS)) {
      if (only !== undefined && only !== name) continue
      say(`${name} …`)
      yield* part(bench)
    }
  },
}
