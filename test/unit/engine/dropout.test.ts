import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'mocha'
import { createEngine, type Engine } from '../../../worker/engine/engine.ts'
import { ADAPTER_WEIGHTS_FILE, readAdapter } from '../../../worker/engine/files/adapters.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { ADAPTER_CONFIG_FILE } from '../../../worker/engine/files/peft-config.ts'
import { dropoutColumns, keptInputs, keptScale } from '../../../worker/engine/graph/dropout.ts'
import { storedWeights } from '../../../worker/engine/graph/graph.ts'
import { gradientGraph } from '../../../worker/engine/graph/train-graph.ts'
import { loraLayout } from '../../../worker/engine/lora.ts'
import { Session, vector } from '../../../worker/engine/session.ts'
import {
  BROOK,
  bitsOf,
  LORA,
  OPTIMISER,
  readGolden,
  relativeError,
  SEED,
  someBatches,
  TINY,
} from './fixtures.ts'

describe('dropout', () => {
  const one = createEngine({ threads: 1 })
  const two = createEngine({ threads: 2, checkpointing: true })
  after(() => Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]))

  it('keeps what PyTorch keeps: the gradient under masks that both are given', async () => {
    const base = await openBaseModel(TINY)
    const adapter = readAdapter(base.config, {
      config: await readFile(join(TINY, 'adapter', ADAPTER_CONFIG_FILE)),
      weights: await readFile(join(TINY, 'adapter', ADAPTER_WEIGHTS_FILE)),
    })
    const golden = await readGolden(join(TINY, 'training.safetensors'))
    const tokens = (await readGolden(join(TINY, 'golden.safetensors')))('tokens')
    const layout = loraLayout(base.config, adapter.lora)
    const graph = gradientGraph(base.config, storedWeights(base.places), layout, { dropout: true })
    const session = await Session.create(graph, { directory: TINY, threads: 1 })
    const outputs = await session.run({
      tokens: { data: Int32Array.from(tokens), shape: [3, 24] },
      weights: { data: new Float32Array(69).fill(1 / 69), shape: [3, 23] },
      theta: vector(adapter.theta),
      sum: vector(new Float32Array(layout.size)),
      kept: { data: Uint8Array.from(golden('kept')), shape: [69, dropoutColumns(layout).width] },
      keptScale: vector(Float32Array.of(keptScale({ rate: 0.25, seed: SEED }))),
    })
    await session.release()
    const loss = outputs['losses']!.reduce((sum, value) => sum + value, 0)
    assert.ok(Math.abs(loss - golden('loss')[0]!) < 1e-5)
    assert.ok(relativeError(outputs['next.sum']!, golden('gradient')) < 1e-4)
  })

  it('drops the share that was asked for, everywhere alike, and keeps the mean', async () => {
    const layout = loraLayout((await openBaseModel(TINY)).config, LORA)
    const { width, starts } = dropoutColumns(layout)
    assert.equal([...starts.values()].at(-1)! + layout.modules.at(-1)!.inputs, width)
    for (const rate of [0.1, 0.5, 0.9]) {
      const kept = keptInputs(layout, { rate, seed: SEED }, 3, { first: 0, count: 4 }, 50)
      assert.equal(kept.length, 4 * 50 * width)
      const share = (values: Uint8Array) =>
        values.reduce((sum, one) => sum + one, 0) / values.length
      // Six deviations of a binomial share.
      const bound = (count: number) => 6 * Math.sqrt((rate * (1 - rate)) / count)
      assert.ok(Math.abs(share(kept) - (1 - rate)) < bound(kept.length), `rate ${rate}`)
      for (const parity of [0, 1]) {
        const half = kept.filter((_, index) => index % 2 === parity)
        assert.ok(Math.abs(share(half) - (1 - rate)) < bound(half.length), `rate ${rate}`)
      }
      const mean = share(kept) * keptScale({ rate, seed: SEED })
      assert.ok(Math.abs(mean - 1) < bound(kept.length) / (1 - rate))
    }
    assert.equal(keptScale({ rate: 0.5, seed: SEED }), 2)
  })

  it('is a matter of seed, step and example, not of the run that an example falls into', async () => {
    const layout = loraLayout((await openBaseModel(TINY)).config, LORA)
    const dropout = { rate: 0.5, seed: SEED }
    // An odd number of positions: every example still begins with a draw of its own.
    const masks = (seed: Uint8Array, step: number, first: number, count: number) =>
      Buffer.from(keptInputs(layout, { ...dropout, seed }, step, { first, count }, 7))
    const both = masks(SEED, 3, 1, 2)
    const half = both.length / 2
    assert.ok(both.subarray(0, half).equals(masks(SEED, 3, 1, 1)))
    assert.ok(both.subarray(half).equals(masks(SEED, 3, 2, 1)))
    assert.ok(!both.subarray(0, half).equals(both.subarray(half)))
    assert.ok(!both.equals(masks(SEED, 4, 1, 2)))
    assert.ok(!both.equals(masks(SEED.slice(1), 3, 1, 2)))
  })

  it('trains to the same bits with the same seed: threads, checkpointing and resuming change nothing', async () => {
    const dropout = { rate: 0.3, seed: SEED }
    const whole = await trained(one, dropout)
    assert.equal(await trained(two, dropout), whole)
    assert.equal(await trained(one, dropout, 1), whole)
    assert.notEqual(await trained(one, { ...dropout, seed: SEED.slice(1) }), whole)
    assert.notEqual(await trained(one, { ...dropout, rate: 0.2 }), whole)
    const none = await trained(one, undefined)
    assert.notEqual(none, whole)
    assert.equal(await trained(one, { ...dropout, rate: 0 }), none)
  })
})

/** Bits after three steps, in one go or with a break. */
async function trained(
  engine: Engine,
  dropout: { rate: number; seed: Uint8Array } | undefined,
  breakAfter = 0,
): Promise<string> {
  const model = await engine.open(BROOK, LORA)
  const batches = someBatches(3, 10, 32, 4096)
  const rest = { exampleTokens: 32, optimiser: OPTIMISER, totalSteps: 3, dropout }
  const start = model.initialState(SEED)
  const first = batches.slice(0, breakAfter)
  const { state: between } = await model.train({ state: start, batches: first, ...rest })
  const last = { state: between, batches: batches.slice(breakAfter), ...rest }
  const { theta, m, v } = (await model.train(last)).state
  return bitsOf(theta, m, v)
}
