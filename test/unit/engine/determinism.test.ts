import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'mocha'
import { createEngine } from '../../../worker/engine/engine.ts'
import type { TrainingState } from '../../../worker/engine/lora.ts'
import { testFolder } from '../../harness/folders.ts'
import {
  BROOK,
  LORA,
  OPTIMISER,
  relativeError,
  SEED,
  someAdapter,
  someBatches,
  someTokens,
  TINY,
  VECTORS,
} from './fixtures.ts'

const EXAMPLE_TOKENS = 32

/** What precision class `cpu-exact` promises: results are compared by hash. */
describe('engine, to the last bit', () => {
  const one = createEngine({ threads: 1 })
  const two = createEngine({ threads: 2 })
  after(() => Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]))

  it('knows this machine for one that reckons as expected, with one thread and with two', async () => {
    for (const engine of [one, two]) {
      const { info } = await engine.open(TINY, LORA)
      assert.equal(info.inexactReason, undefined)
      assert.equal(info.exact, true)
    }
  })

  it('trains to the same state in one thread or two, in one go or resumed', async () => {
    const batches = someBatches(4, 20, EXAMPLE_TOKENS, 4096)
    const rest = { exampleTokens: EXAMPLE_TOKENS, optimiser: OPTIMISER, totalSteps: 4 }
    const [a, b] = [await one.open(BROOK, LORA), await two.open(BROOK, LORA)]
    const start = a.initialState(SEED)
    const whole = await a.train({ state: start, batches, ...rest })
    const threaded = await b.train({ state: start, batches, ...rest })
    assertSameState(threaded.state, whole.state)
    assert.deepEqual(threaded.losses, whole.losses)
    assert.deepEqual(threaded.witness, whole.witness)
    const half = await b.train({ state: start, batches: batches.slice(0, 2), ...rest })
    const resumed = await a.train({ state: half.state, batches: batches.slice(2), ...rest })
    assertSameState(resumed.state, whole.state)
    assert.notDeepEqual(whole.state.theta, start.theta)
  })

  it('shows by its witness that each step was taken, from just this state', async () => {
    const model = await one.open(BROOK, LORA)
    const batches = someBatches(2, 4, EXAMPLE_TOKENS, 4096)
    const rest = { exampleTokens: EXAMPLE_TOKENS, optimiser: OPTIMISER, totalSteps: 2 }
    const start = model.initialState(SEED)
    const witnesses = await Promise.all(
      [
        { state: start, batches },
        { state: start, batches: batches.slice(0, 1) },
        { state: start, batches: batches.toReversed() },
        { state: { ...start, theta: someAdapter(model.info.loraSize) }, batches },
      ].map(async (run) => Buffer.from((await model.train({ ...run, ...rest })).witness)),
    )
    assert.equal(new Set(witnesses.map((witness) => witness.toString('hex'))).size, 4)
  })

  it("gives an example's features and loss alone as in a batch, in one thread or two", async () => {
    const [a, b] = [await one.open(BROOK, LORA), await two.open(BROOK, LORA)]
    const adapter = someAdapter(a.info.loraSize)
    const lengths = [40, 40, 23, 40, 23, 2, 3, 2, 3, 3]
    const examples = lengths.map((length, index) => someTokens(length, 4096, `example ${index}`))
    const request = { adapter, projectionSeed: SEED, width: 4 }
    const together = await b.features({ ...request, examples })
    const size = a.featureSize(4)
    assert.equal(together.features.length, examples.length * size)
    for (const [index, example] of examples.entries()) {
      const alone = await a.features({ ...request, examples: [example] })
      const row = together.features.subarray(index * size, (index + 1) * size)
      assert.deepEqual(alone.features, row.slice())
      assert.equal(alone.losses[0], together.losses[index])
    }
    const losses = await a.loss({ adapter, examples })
    assert.deepEqual(losses, together.losses)
  })

  it('does so for sizes that fit no vector register, and for rank 1', async () => {
    const directory = join(VECTORS, 'tied')
    for (const rank of [1, 3]) {
      // A scale of 1 is what lets the runtime choose its kernels for single columns.
      const lora = { ...LORA, rank, alpha: rank }
      const [a, b] = [await one.open(directory, lora), await two.open(directory, lora)]
      const request = { adapter: someAdapter(a.info.loraSize), projectionSeed: SEED, width: 3 }
      for (const length of [2, 3, 4, 5, 7, 10, 13, 31]) {
        const examples = [0, 1, 2].map((index) => someTokens(length, 96, `${length} ${index}`))
        const together = await b.features({ ...request, examples })
        const size = a.featureSize(3)
        for (const [index, example] of examples.entries()) {
          const alone = await a.features({ ...request, examples: [example] })
          const row = together.features.slice(index * size, (index + 1) * size)
          assert.deepEqual(alone.features, row, `rank ${rank}, ${length} tokens`)
          assert.equal(alone.losses[0], together.losses[index])
        }
      }
    }
  })

  it('draws the same text in one thread or two, alone or beside another', async () => {
    const [a, b] = [await one.open(BROOK, LORA), await two.open(BROOK, LORA)]
    const request = (label: string) => ({
      adapter: someAdapter(a.info.loraSize),
      prompt: [...someTokens(20, 4096, label)],
      maxTokens: 12,
      seed: SEED,
      sampler: { temperature: 1, topK: 50 },
      stopTokens: [],
    })
    const alone = await a.generate(request('first'))
    const [beside] = await Promise.all([
      b.generate(request('first')),
      b.generate(request('second')),
    ])
    assert.deepEqual(beside.tokens, alone.tokens)
    // Sums over a past of another length are rounded otherwise; no validator looks that closely.
    assert.ok(relativeError(beside.hidden, alone.hidden) < 1e-4)
  })

  it('names its graphs by a hash that does not depend on where the model lies', async () => {
    const directory = testFolder('engine')
    await cp(TINY, directory, { recursive: true })
    const here = await one.open(TINY, LORA)
    const there = await two.open(directory, LORA)
    assert.equal(there.info.graphHash, here.info.graphHash)
    const tokens = [...someTokens(9, 96)]
    const request = { tokens, from: 0 }
    assert.deepEqual(await there.prefill(request), await here.prefill(request))
    const other = await one.open(TINY, { ...LORA, rank: 5 })
    assert.notEqual(other.info.graphHash, here.info.graphHash)
    await rm(directory, { recursive: true })
  })
})

function assertSameState(actual: TrainingState, expected: TrainingState): void {
  assert.equal(actual.step, expected.step)
  for (const part of ['theta', 'm', 'v'] as const) assert.deepEqual(actual[part], expected[part])
}
