/** How late the main thread's timers fire while the engine loads a model and trains. */
import type { Figure } from '../figure.ts'
import { LORA, OPTIMISER, SEED, someTokens } from './random-model.ts'
import type { Workbench } from './workbench.ts'

const TICK_MS = 5
const TRAINING_MS = 10_000
/** One step of about two seconds, again and again: what blocks is a run, and the longer it is the more it would block. */
const BATCH = 8
const TOKENS = 128

export async function* isolation({ engine, directory }: Workbench): AsyncIterable<Figure> {
  // A shape that no other part has opened, so that its graphs are loaded here.
  const lora = { ...LORA, rank: 5 }
  const late = watchTicks()
  const model = await engine.open(directory, lora)
  await model.prefill({ tokens: someTokens(8, 'isolation'), from: 7 })
  const loading = late.stop()
  const ticks = watchTicks()
  const tokens = Int32Array.from(someTokens(BATCH * (TOKENS + 1), 'isolation'))
  const startedMs = performance.now()
  for (let state = model.initialState(SEED); performance.now() - startedMs < TRAINING_MS; ) {
    const request = {
      state,
      batches: [{ tokens }],
      exampleTokens: TOKENS + 1,
      optimiser: OPTIMISER,
    }
    state = (await model.train({ ...request, totalSteps: 100 })).state
  }
  const training = ticks.stop()
  for (const [what, delays] of [
    ['loading a model', loading],
    ['training for 10 s', training],
  ] as const) {
    yield {
      name: `event loop delay while ${what}, p99`,
      value: quantile(delays, 0.99),
      unit: 'ms',
      bar: { atMost: 50 },
      note: `largest ${quantile(delays, 1).toFixed(1)} ms of ${delays.length} ticks; 88 M parameters`,
    }
  }
}

/** Milliseconds by which each tick came late. */
function watchTicks(): { stop(): number[] } {
  const delays: number[] = []
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    delays.push(Math.max(0, nowMs - lastMs - TICK_MS))
    lastMs = nowMs
  }, TICK_MS)
  return {
    stop: () => {
      clearInterval(timer)
      return delays
    },
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
