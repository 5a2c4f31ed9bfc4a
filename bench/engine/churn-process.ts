/** A process that answers ten thousand requests that come and go, and prints what it held after every fifty, in bytes. */
import { createEngine } from '../../worker/engine/engine.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import { LORA, SEED } from './random-model.ts'

/** Caches and heaps fill in the beginning. */
const WARM_UP = 8000
const REQUESTS = 10_000
const TOGETHER = 8
const LOOK_EVERY = 50

await using engine = createEngine({ threads: 1 })
const model = await engine.open(SHIPPED_MODEL, LORA)
const samples: number[] = []
let next = 0
const client = async (): Promise<void> => {
  for (let request = next++; request < WARM_UP + REQUESTS; request = next++) {
    if (request >= WARM_UP && request % LOOK_EVERY === 0) samples.push(process.memoryUsage.rss())
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
process.stdout.write(`${JSON.stringify(samples)}\n`)
