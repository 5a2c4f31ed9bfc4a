/** Ten thousand requests that come and go: resident memory must not grow with them. */
import { createEngine } from '../../worker/engine/engine.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import type { Figure } from '../figure.ts'
import { regression } from './measure.ts'
import { LORA, SEED } from './random-model.ts'

const REQUESTS = 10_000
const TOGETHER = 8
const LOOK_EVERY = 250
/** Caches and arenas fill in the beginning. */
const WARM_SHARE = 0.3

export async function* churn(): AsyncIterable<Figure> {
  await using engine = createEngine({ threads: 1 })
  const model = await engine.open(SHIPPED_MODEL, LORA)
  const samples: { request: number; bytes: number }[] = []
  let next = 0
  const client = async (): Promise<void> => {
    for (let request = next++; request < REQUESTS; request = next++) {
      if (request % LOOK_EVERY === 0) samples.push({ request, bytes: process.memoryUsage.rss() })
      const length = 4 + ((request * 7919) % 29)
      const cancel = new AbortController()
      const wanted = model.generate(
        {
          prompt: Array.from({ length }, (_, i) => (request * 31 + i * 17) % model.info.vocabSize),
          maxTokens: 1 + (request % 6),
          seed: SEED,
          sampler: { temperature: 0.8, topK: 20 },
          stopTokens: [],
        },
        { signal: cancel.signal },
      )
      // One in ten thinks better of it.
      if (request % 10 === 3) cancel.abort()
      await wanted.catch((error: unknown) => {
        if (!cancel.signal.aborted) throw error
      })
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, client))
  const kept = samples.filter(({ request }) => request > WARM_SHARE * REQUESTS)
  const { slope, error } = regression(kept.map(({ request, bytes }) => [request, bytes]))
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  yield {
    name: 'resident memory slope over 10,000 requests, in standard errors',
    value: slope <= 0 ? 0 : slope / error,
    unit: '',
    bar: { atMost: 2 },
    note: `${mebibytes(slope * REQUESTS)} ± ${mebibytes(error * REQUESTS)} a 10,000 requests; ${mebibytes(kept[0]!.bytes)} to ${mebibytes(kept.at(-1)!.bytes)}; 8 at once, a tenth cancelled`,
  }
}
