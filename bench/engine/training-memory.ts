/** A process that trains on one long text and prints the most memory that it held: node training-memory.ts <model> <checkpointing>. */
import { readFileSync } from 'node:fs'
import { createEngine } from '../../worker/engine/engine.ts'
import { LORA, OPTIMISER, SEED, someTokens } from './random-model.ts'

const [directory = '', checkpointing = ''] = process.argv.slice(2)
const TOKENS = 1023

await using engine = createEngine({ threads: 1, checkpointing: checkpointing === 'yes' })
const model = await engine.open(directory, LORA)
const step = async (exampleTokens: number): Promise<void> => {
  const tokens = Int32Array.from(someTokens(exampleTokens, 'long text'))
  const state = model.initialState(SEED)
  await model.train({
    ...{ state, batches: [{ tokens }], exampleTokens },
    ...{ optimiser: OPTIMISER, totalSteps: 10 },
  })
}
/** Since this program was loaded: `resourceUsage` would begin with what the parent held when it made this process. */
const peakBytes = (): number => {
  const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!
  return 1024 * Number(kibibytes)
}
// Weights, graphs and the optimiser's state, but hardly an activation.
await step(3)
const before = peakBytes()
const cpu = process.cpuUsage()
await step(TOKENS + 1)
const { user, system } = process.cpuUsage(cpu)
const measured = { activationBytes: peakBytes() - before, seconds: (user + system) / 1e6 }
process.stdout.write(`${JSON.stringify(measured)}\n`)
