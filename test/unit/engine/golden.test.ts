import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'mocha'
import type { LoraSpec } from '../../../protocol/tuning.ts'
import { featuredMaps } from '../../../protocol/tuning.ts'
import { createEngine } from '../../../worker/engine/engine.ts'
import { ADAPTER_WEIGHTS_FILE, readAdapter } from '../../../worker/engine/files/adapters.ts'
import { type BaseModel, openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { float32From } from '../../../worker/engine/files/half.ts'
import { ADAPTER_CONFIG_FILE } from '../../../worker/engine/files/peft-config.ts'
import { dtypeOf } from '../../../worker/engine/files/safetensors.ts'
import { type FullLayout, fullGraph, fullLayout } from '../../../worker/engine/graph/full-graph.ts'
import { storedWeights } from '../../../worker/engine/graph/graph.ts'
import { featuresGraph, gradientGraph } from '../../../worker/engine/graph/train-graph.ts'
import { type LoraLayout, type LoraModule, loraLayout } from '../../../worker/engine/lora.ts'
import { Session } from '../../../worker/engine/session.ts'
import { assertSameBits, readGolden, relativeError, VECTORS, worstError } from './fixtures.ts'

/** Numbers made by test/vectors/engine/families.py with PyTorch, Transformers and PEFT. */
describe('engine against PyTorch', () => {
  const engine = createEngine({ threads: 1 })
  after(() => engine[Symbol.asyncDispose]())

  const families = ['untied', 'tied', 'llama3', 'linear', 'mistral', 'qwen2', 'qwen3', 'gpt2']
  for (const name of [...families, 'patterns']) {
    describe(name, () => {
      const directory = join(VECTORS, name)
      const load = async () => {
        const base = await openBaseModel(directory)
        const adapter = readAdapter(base.config, {
          config: await readFile(join(directory, 'adapter', ADAPTER_CONFIG_FILE)),
          weights: await readFile(join(directory, 'adapter', ADAPTER_WEIGHTS_FILE)),
        })
        const golden = await readGolden(join(directory, 'golden.safetensors'))
        const model = await engine.open(directory, adapter.lora)
        return { base, adapter, golden, model }
      }

      it('gives the logits of the base model and of an adapter that PEFT saved', async () => {
        const { model, golden, adapter } = await load()
        const tokens = [...golden('tokens').subarray(0, 24)]
        const base = await model.prefill({ tokens, from: 0 })
        assert.ok(worstError(base.logits, golden('base_logits')) < 1e-4)
        assert.ok(worstError(base.hidden, golden('base_hidden')) < 1e-4)
        const adapted = await model.prefill({ adapter: adapter.theta, tokens, from: 0 })
        assert.ok(worstError(adapted.logits, golden('logits')) < 1e-4)
        assert.ok(worstError(adapted.logits, base.logits) > 0.1, 'the adapter changes something')
      })

      it('gives the same of the last tokens, whether or not the others are asked for', async () => {
        const { model, golden, adapter } = await load()
        const tokens = [...golden('tokens').subarray(0, 24)]
        const { vocabSize, config } = model.info
        for (const request of [{ tokens }, { tokens, adapter: adapter.theta }]) {
          const all = await model.prefill({ ...request, from: 0 })
          for (const from of [11, 22, 23]) {
            const last = await model.prefill({ ...request, from })
            assertSameBits(last.logits, all.logits.subarray(from * vocabSize))
            assertSameBits(last.hidden, all.hidden.subarray(from * config.width))
          }
        }
      })

      it('draws the tokens that Transformers draws, greedily and with the noise of a seed', async () => {
        const { model, golden } = await load()
        const draw = async (temperature: number) => {
          const request = {
            prompt: [...golden('tokens').subarray(0, 24)],
            maxTokens: 16,
            seed: Uint8Array.from({ length: 32 }, (_, index) => index),
            sampler: { temperature, topK: 12 },
            stopTokens: [],
          }
          return (await model.generate(request)).tokens
        }
        assert.deepEqual(await draw(0), [...golden('greedy')])
        assert.deepEqual(await draw(0.9), [...golden('drawn')])
      })

      it('gives the gradient of every weight, in full training', async () => {
        const { base, golden } = await load()
        const layout = fullLayout(base.config)
        const theta = await allWeights(directory, base, layout)
        const session = await Session.create(fullGraph(base.config), { threads: 1 })
        const flat = (data: Float32Array) => ({ data, shape: [layout.size] })
        const outputs = await session.run({
          ...exampleFeeds(golden),
          theta: flat(theta),
          m: flat(new Float32Array(layout.size)),
          v: flat(new Float32Array(layout.size)),
          // With a first mean that forgets at once, the mean is the gradient, cut to length 1.
          hyper: { data: Float32Array.of(0, 1, 0, 1, 1, 0, 1, 0), shape: [8] },
        })
        await session.release()
        const length = outputs['norm']![0]!
        assert.ok(length > 1, 'the gradient is long enough to be cut')
        const gradient = outputs['next.m']!.map((value) => value * length)
        const largest = Math.max(...gradient.map(Math.abs))
        for (const { name: tensor, start, end } of layout.tensors) {
          const expected = golden(`full.${tensor}`)
          const worst = worstError(gradient.subarray(start, end), expected)
          // Softmax does not see what is added to all keys: the gradient of their bias is rounding and nothing else.
          const scale = Math.max(1e-3 * largest, ...expected.map(Math.abs))
          assert.ok(worst / scale < 1e-4, `${tensor} is off by ${worst / scale}`)
        }
      })

      // Adapters of several ranks are trained in one: PEFT's gradients have other shapes.
      if (name === 'patterns') return

      it('gives the gradient of every adapter tensor', async () => {
        const { base, golden, adapter } = await load()
        const layout = loraLayout(base.config, adapter.lora)
        const graph = gradientGraph(base.config, storedWeights(base.places), layout)
        const session = await Session.create(graph, { directory, threads: 1 })
        const outputs = await session.run({
          ...exampleFeeds(golden),
          theta: { data: adapter.theta, shape: [layout.size] },
          sum: { data: new Float32Array(layout.size), shape: [layout.size] },
        })
        await session.release()
        const gradient = outputs['next.sum']!
        for (const { name: module, aStart, bStart, end } of layout.modules) {
          const a = golden(`base_model.model.${module}.lora_A`)
          const b = golden(`base_model.model.${module}.lora_B`)
          assert.ok(relativeError(gradient.subarray(aStart, bStart), a) < 1e-4, `${module} A`)
          assert.ok(relativeError(gradient.subarray(bStart, end), b) < 1e-4, `${module} B`)
        }
        assert.ok(relativeError(outputs['losses']!, golden('losses')) < 1e-5)
      })

      it('gives the gradient features of every example, given the projection', async () => {
        const { base, golden, adapter } = await load()
        const layout = loraLayout(base.config, adapter.lora)
        const graph = featuresGraph(base.config, storedWeights(base.places), layout, 4)
        const session = await Session.create(graph, { directory, threads: 1 })
        const { projection, features } = featured(layout, golden, 4)
        const outputs = await session.run({
          ...exampleFeeds(golden),
          theta: { data: adapter.theta, shape: [layout.size] },
          projection: { data: projection, shape: [projection.length] },
        })
        await session.release()
        assert.ok(features.length > 0)
        assert.ok(relativeError(outputs['features']!, features) < 1e-4)
      })

      it('follows the loss curve of fifty AdamW steps', async () => {
        const { model, golden, adapter } = await load()
        const all = Int32Array.from(golden('curve_tokens'))
        const size = all.length / 50
        const zeros = (): Float32Array => new Float32Array(adapter.theta.length)
        const { state, losses } = await model.train({
          state: { theta: adapter.theta, m: zeros(), v: zeros(), step: 0 },
          batches: Array.from({ length: 50 }, (_, step) => ({
            tokens: all.slice(step * size, (step + 1) * size),
          })),
          exampleTokens: 24,
          optimiser: {
            learningRate: 0.01,
            schedule: 'cosine',
            warmupSteps: 5,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-6,
            weightDecay: 0.01,
          },
          totalSteps: 50,
        })
        assert.ok(worstError(losses, golden('curve')) < 1e-3)
        assert.ok(relativeError(state.theta, golden('curve_theta')) < 1e-2)
        assert.equal(state.step, 50)
      })
    })
  }

  it('reads the rank, the scale and the targets from adapter_config.json', async () => {
    const directory = join(VECTORS, 'tied')
    const { config } = await openBaseModel(directory)
    const { lora } = readAdapter(config, {
      config: await readFile(join(directory, 'adapter', ADAPTER_CONFIG_FILE)),
      weights: await readFile(join(directory, 'adapter', ADAPTER_WEIGHTS_FILE)),
    })
    assert.deepEqual(lora, { rank: 3, alpha: 5, targets: ['q', 'v', 'down'] } satisfies LoraSpec)
  })
})

async function allWeights(
  directory: string,
  { places }: BaseModel,
  layout: FullLayout,
): Promise<Float32Array> {
  const theta = new Float32Array(layout.size)
  for (const { name, start } of layout.tensors) {
    const { file, type, offsetBytes, lengthBytes } = places.get(name)!
    const bytes = (await readFile(join(directory, file))).subarray(offsetBytes)
    theta.set(float32From(bytes.subarray(0, lengthBytes), dtypeOf(type)), start)
  }
  return theta
}

function exampleFeeds(golden: (name: string) => Float32Array) {
  const tokens = Int32Array.from(golden('tokens'))
  const rows = [0, 1, 2].map((row) => golden('weights').subarray(row * 24 + 1, (row + 1) * 24))
  return {
    tokens: { data: tokens, shape: [3, 24] },
    weights: { data: Float32Array.from(rows.flatMap((row) => [...row])), shape: [3, 23] },
  }
}

/**
 * What is used of the vectors' projections and features, which are of all modules: of each R_in (inputs, k) and R_out (outputs,
 * k), and of each example dA·R_in (rank, k) and R_outᵀ·dB (k, rank).
 */
function featured(
  { modules, rank }: LoraLayout,
  golden: (name: string) => Float32Array,
  k: number,
): { projection: Float32Array; features: Float32Array } {
  const used = new Set<LoraModule>(featuredMaps(modules))
  const projection: number[] = []
  let at = 0
  for (const module of modules) {
    const from = at + module.inputs * k
    at = from + module.outputs * k
    if (used.has(module)) projection.push(...golden('projection').subarray(from, at))
  }
  const all = golden('features')
  const features: number[] = []
  for (let row = 0; row < all.length; row += 2 * rank * k) {
    const module = modules[(row / (2 * rank * k)) % modules.length]!
    if (used.has(module)) features.push(...all.subarray(row + rank * k, row + 2 * rank * k))
  }
  return { projection: Float32Array.from(projection), features: Float32Array.from(features) }
}
