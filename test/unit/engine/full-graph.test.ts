import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { random } from '../../../protocol/prng.ts'
import { parseConfig } from '../../../worker/engine/families/known.ts'
import { type FullLayout, fullGraph, fullLayout } from '../../../worker/engine/graph/full-graph.ts'
import { hyperValues } from '../../../worker/engine/graph/optimiser.ts'
import { type Feed, Session, vector } from '../../../worker/engine/session.ts'
import { OPTIMISER, SEED, someTokens } from './fixtures.ts'

const DECODER = {
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
}
const CONFIGS = {
  llama: { ...DECODER, model_type: 'llama' },
  mistral: { ...DECODER, model_type: 'mistral', sliding_window: 4 },
  qwen2: { ...DECODER, model_type: 'qwen2', tie_word_embeddings: true },
  qwen3: { ...DECODER, model_type: 'qwen3', head_dim: 8, attention_bias: true },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 40,
    n_embd: 16,
    n_layer: 2,
    n_head: 4,
    n_positions: 32,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
  },
}
const [ROWS, TOKENS] = [3, 12]
/** Half the distance of a central difference along a tensor's own gradient. */
const STEP = 1e-2

describe('full-parameter training', () => {
  for (const [name, json] of Object.entries(CONFIGS)) {
    it(`gives every tensor of ${name} the gradient that its loss has, and learns`, async () => {
      const config = parseConfig(json)
      const layout = fullLayout(config)
      const session = await Session.create(fullGraph(config), { threads: 1 })
      const theta = someWeights(layout)
      // With a first mean that forgets at once, the mean is the gradient, cut to length 1.
      const outputs = await session.run(feeds(theta, [0, 1, 0, 1, 1, 0, 1, 0]))
      const length = Math.max(1, outputs['norm']![0]!)
      const gradient = outputs['next.m']!.map((value) => value * length)
      for (const tensor of layout.tensors) await checkSlope(session, theta, gradient, tensor)
      await learns(session, theta)
      await session.release()
    })
  }
})

interface Moments {
  readonly m: Float32Array
  readonly v: Float32Array
}

async function checkSlope(
  session: Session,
  theta: Float32Array,
  gradient: Float32Array,
  { name, start, end }: FullLayout['tensors'][number],
): Promise<void> {
  const own = gradient.subarray(start, end)
  const length = Math.hypot(...own)
  const lossAt = async (shift: number): Promise<number> => {
    const moved = theta.map((value, index) =>
      index < start || index >= end ? value : value + (shift * gradient[index]!) / length,
    )
    return lossOf(await session.run(feeds(moved, [0, 1, 0, 1, 1, 0, 1, 0])))
  }
  const slope = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP)
  assert.ok(length > 1e-4, `${name} gets a gradient of length ${length}`)
  assert.ok(Math.abs(slope - length) < 0.02 * length + 1e-3, `${name}: ${slope}, not ${length}`)
}

async function learns(session: Session, first: Float32Array): Promise<void> {
  const zeros = (): Float32Array => new Float32Array(first.length)
  let state: Moments & { theta: Float32Array } = { theta: first, m: zeros(), v: zeros() }
  const losses: number[] = []
  for (let step = 0; step < 25; step++) {
    const hyper = [...hyperValues(OPTIMISER, 0.02, step), 0.02]
    const outputs = await session.run(feeds(state.theta, hyper, state))
    losses.push(lossOf(outputs))
    state = { theta: outputs['next.theta']!, m: outputs['next.m']!, v: outputs['next.v']! }
  }
  assert.ok(losses.at(-1)! < losses[0]! * 0.6, `${losses[0]} -> ${losses.at(-1)}`)
}

function lossOf(outputs: Record<string, Float32Array>): number {
  return outputs['losses']!.reduce((sum, loss) => sum + loss, 0)
}

function feeds(
  theta: Float32Array,
  hyper: readonly number[],
  { m, v }: Moments = { m: new Float32Array(theta.length), v: new Float32Array(theta.length) },
): Record<string, Feed> {
  const predicted = ROWS * (TOKENS - 1)
  return {
    theta: vector(theta),
    m: vector(m),
    v: vector(v),
    hyper: vector(Float32Array.from(hyper)),
    tokens: { data: someTokens(ROWS * TOKENS, 40), shape: [ROWS, TOKENS] },
    weights: {
      data: new Float32Array(predicted).fill(1 / predicted),
      shape: [ROWS, TOKENS - 1],
    },
  }
}

/** Drawn wide, so that every part of the model has a say; gains about 1. */
function someWeights({ tensors, size }: FullLayout): Float32Array {
  const theta = new Float32Array(size)
  const source = random(SEED, 'full weights')
  for (const { name, shape, start, end } of tensors) {
    const centre = shape.length === 1 && name.endsWith('.weight') ? 1 : 0
    for (let i = start; i < end; i++) theta[i] = centre + (source.unit() - 0.5) * 0.6
  }
  return theta
}
