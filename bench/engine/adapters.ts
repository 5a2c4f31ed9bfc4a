/** Answers with adapters: eight at once each with its own, one that comes from disk, and a thousand in turn. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { random } from '../../protocol/prng.ts'
import { createEngine, type Model } from '../../worker/engine/engine.ts'
import type { AdapterReference } from '../../worker/engine/serving/adapter-store.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import type { Figure } from '../figure.ts'
import { alternate, cpuSeconds, median, milliseconds } from './measure.ts'
import { LORA, SEED, someAdapter, someTokens } from './random-model.ts'
import { NO_PEER, type Workbench } from './workbench.ts'
import { decodeSeconds } from './writing.ts'

const TOGETHER = 8
const PAST = 128
const STEPS = 24
const ROUNDS = 5

/** An adapter by name, drawn from it. */
function adapter(model: Model, id: string): AdapterReference {
  return { id, load: async () => ({ lora: LORA, theta: someAdapter(model.info.loraSize, id) }) }
}

export async function* together({ open, peer }: Workbench): AsyncIterable<Figure> {
  const model = await open()
  const eight = Array.from({ length: TOGETHER }, (_, index) => adapter(model, `eight ${index}`))
  await peer?.call('adapters', TOGETHER, LORA.rank)
  const ask = async (name: string): Promise<number> =>
    ((await peer?.call(name, TOGETHER, PAST, STEPS)) ?? 0) / STEPS
  const step = await alternate(ROUNDS, {
    base: () => decodeSeconds(model, TOGETHER, PAST, STEPS),
    eight: () => decodeSeconds(model, TOGETHER, PAST, STEPS, eight),
    switched: () => ask('switch'),
    mixed: () => ask('mixed'),
  })
  await peer?.call('remove_adapters')
  const conditions = `rank ${LORA.rank} on all projections, past ${PAST}`
  yield {
    name: '8 requests with 8 adapters, throughput against base only',
    value: step.base / step.eight,
    unit: 'x',
    bar: { atLeast: 0.88 },
    note: `${milliseconds(step.eight)} against ${milliseconds(step.base)} CPU a step of 8; ${conditions}`,
  }
  yield {
    name: 'the same against PEFT switching adapters',
    value: peer && step.switched / step.eight,
    unit: 'x',
    bar: { atLeast: 6 },
    note: peer ? `${milliseconds(step.switched)} CPU for a token of each` : NO_PEER,
  }
  yield {
    name: 'the same against PEFT with a mixed batch',
    value: peer && step.mixed / step.eight,
    unit: 'x',
    note: peer ? `${milliseconds(step.mixed)} CPU for a token of each` : NO_PEER,
  }
}

export async function* disk({ directory }: Workbench): AsyncIterable<Figure> {
  await using folder = await temporaryFolder()
  const bytesEach = 4 * (await sizeOf(directory))
  await using engine = createEngine({
    threads: 1,
    serving: { promptCacheBytes: 0 },
    // Room for one: whichever of two comes next has left the memory.
    adapters: { memoryBytes: bytesEach, folder: folder.path, folderBytes: 4 * bytesEach },
  })
  const model = await engine.open(directory, LORA)
  const two = [adapter(model, 'one'), adapter(model, 'two')] as const
  const first = (which: AdapterReference): Promise<unknown> =>
    model.generate({
      adapter: which,
      prompt: someTokens(32, 'first token'),
      maxTokens: 1,
      seed: SEED,
      sampler: { temperature: 0, topK: 1 },
      stopTokens: [],
    })
  for (const which of two) await first(which)
  const wall = async (work: () => Promise<unknown>): Promise<number> => {
    const startedMs = performance.now()
    await work()
    return (performance.now() - startedMs) / 1000
  }
  const before = engine.adapterCounts.disk
  const seconds = await alternate(9, {
    cold: () => wall(() => first(two[0])),
    warm: () => wall(() => first(two[0])),
    other: () => wall(() => first(two[1])),
  })
  yield {
    name: 'adapter from disk to first token, against a warm one',
    value: seconds.cold / seconds.warm,
    unit: 'x',
    bar: { atMost: 1.3 },
    note: `${milliseconds(seconds.cold)} against ${milliseconds(seconds.warm)} by the clock, prompt 32, ${(bytesEach / 2 ** 20).toFixed(1)} MiB; ${engine.adapterCounts.disk - before} reads of 18 from disk`,
  }
}

const ADAPTERS = 1000
const IN_MEMORY = 64
const DRAWN = 5000

export async function* thousand(): AsyncIterable<Figure> {
  await using folder = await temporaryFolder()
  const bytesEach = 4 * (await sizeOf(SHIPPED_MODEL))
  await using engine = createEngine({
    threads: 1,
    // Prompts are kept too, up to a budget of their own that would take longer to fill than this runs.
    serving: { promptCacheBytes: 2 ** 22 },
    adapters: {
      memoryBytes: IN_MEMORY * bytesEach,
      folder: folder.path,
      folderBytes: 2 * ADAPTERS * bytesEach,
    },
  })
  const model = await engine.open(SHIPPED_MODEL, LORA)
  const source = random(SEED, 'which adapter')
  // Adapter n is asked for as 1/n: a few often, most seldom, as models are.
  const zipf = (): number => Math.floor(ADAPTERS ** source.unit()) - 1
  const order = [...Array(ADAPTERS).keys(), ...Array.from({ length: DRAWN }, zipf)]
  const resident: number[] = []
  let failed = 0
  let next = 0
  const client = async (): Promise<void> => {
    for (let index = next++; index < order.length; index = next++) {
      if (index % 100 === 0) resident.push(process.memoryUsage.rss())
      const request = {
        adapter: adapter(model, `thousand ${order[index]}`),
        prompt: someTokens(8, `${index}`).map((token) => token % model.info.vocabSize),
        maxTokens: 3,
        seed: SEED,
        sampler: { temperature: 0, topK: 1 },
        stopTokens: [],
      }
      await model.generate(request).catch(() => failed++)
    }
  }
  const seconds = await cpuSeconds(() => Promise.all(Array.from({ length: TOGETHER }, client)))
  const { memory, disk, loaded } = engine.adapterCounts
  // Single samples differ by more than what would be a leak.
  const quarter = resident.length / 4
  const before = median(resident.slice(2 * quarter, 3 * quarter))
  const after = median(resident.slice(3 * quarter))
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  yield {
    name: '1,000 adapters in turn from memory for 64, requests that failed',
    value: failed,
    unit: '',
    bar: { atMost: 0 },
    note: `${order.length} requests in ${seconds.toFixed(0)} CPU s; found ${memory} times in memory, ${disk} on disk, ${loaded} loaded`,
  }
  yield {
    name: 'the same, growth of resident memory from its third quarter to its last',
    value: 100 * (after / before - 1),
    unit: '%',
    bar: { atMost: 2 },
    note: `${mebibytes(before)} to ${mebibytes(after)}; hit rate in memory ${((100 * memory) / order.length).toFixed(0)} %, ${((100 * memory) / DRAWN).toFixed(0)} % of those drawn by popularity`,
  }
}

async function sizeOf(directory: string): Promise<number> {
  await using engine = createEngine({ threads: 1 })
  return (await engine.open(directory, LORA)).info.loraSize
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tributary-bench-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
