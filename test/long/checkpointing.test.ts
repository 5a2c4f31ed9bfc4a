import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, it } from 'mocha'
import { createEngine, type Engine } from '../../worker/engine/engine.ts'
import { openBaseModel } from '../../worker/engine/files/base-model.ts'
import { storedWeights } from '../../worker/engine/graph/graph.ts'
import { featuresGraph, gradientGraph } from '../../worker/engine/graph/train-graph.ts'
import { loraLayout } from '../../worker/engine/lora.ts'
import {
  BROOK,
  bitsOf,
  LORA,
  OPTIMISER,
  SEED,
  someAdapter,
  someBatches,
  someTokens,
  VECTORS,
} from '../unit/engine/fixtures.ts'

const EXAMPLE_TOKENS = 32

describe('checkpointing', () => {
  const keeping = createEngine({ threads: 1 })
  const repeating = createEngine({ threads: 2, checkpointing: true })
  after(() => Promise.all([keeping[Symbol.asyncDispose](), repeating[Symbol.asyncDispose]()]))

  for (const [name, directory, vocab] of [
    ['the model that ships', BROOK, 4096],
    ['tied tables and few adapted projections', join(VECTORS, 'tied'), 96],
  ] as const) {
    it(`gives the same bits: ${name}`, async () => {
      const lora = directory === BROOK ? LORA : { rank: 1, alpha: 1, targets: ['k' as const] }
      const results = await Promise.all(
        [keeping, repeating].map((engine) => trainAndIndex(engine, directory, vocab, lora)),
      )
      assert.deepEqual(results[1], results[0])
    })
  }

  it('names the model by the same graphs, but runs others', async () => {
    const [a, b] = [await keeping.open(BROOK, LORA), await repeating.open(BROOK, LORA)]
    assert.equal(a.info.graphHash, b.info.graphHash)
    const { config, places } = await openBaseModel(BROOK)
    const layout = loraLayout(config, LORA)
    const weights = storedWeights(places)
    const products = (graph: Uint8Array) =>
      Buffer.from(graph).toString('latin1').split('Gemm').length
    // Each of seven projections takes three products in the forward pass; all layers but the last are there twice.
    const twice = 3 * 7 * (config.layers - 1)
    for (const graph of [
      (checkpointing: boolean) => gradientGraph(config, weights, layout, { checkpointing }),
      (checkpointing: boolean) => featuresGraph(config, weights, layout, 4, checkpointing),
    ]) {
      assert.equal(products(graph(true)) - products(graph(false)), twice)
    }
  })
})

async function trainAndIndex(
  engine: Engine,
  directory: string,
  vocab: number,
  lora: typeof LORA,
): Promise<unknown> {
  const model = await engine.open(directory, lora)
  const start = { ...model.initialState(SEED), theta: someAdapter(model.info.loraSize) }
  const { state, losses, witness } = await model.train({
    state: start,
    batches: someBatches(2, 10, EXAMPLE_TOKENS, vocab),
    exampleTokens: EXAMPLE_TOKENS,
    optimiser: OPTIMISER,
    totalSteps: 2,
  })
  const examples = [0, 1, 2].map((index) => someTokens(20 + index, vocab, `example ${index}`))
  const { features } = await model.features({
    adapter: state.theta,
    examples,
    projectionSeed: SEED,
    width: 4,
  })
  return { losses, witness, bits: bitsOf(state.theta, state.m, state.v, features) }
}
