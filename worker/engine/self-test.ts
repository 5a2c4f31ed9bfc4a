/**
 * A small fixed computation whose result is known to the last bit: whether this machine's arithmetic is that of precision
 * class `cpu-exact`. It passes through every operator and matrix kernel that training uses.
 */
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'
import { parseConfig } from './families/known.ts'
import type { WeightSource } from './graph/graph.ts'
import { adamGraph, hyperValues } from './graph/optimiser.ts'
import { serveGraph } from './graph/serve-graph.ts'
import { gradientGraph } from './graph/train-graph.ts'
import { tensorShapes } from './graph/transformer.ts'
import { initialState, loraLayout } from './lora.ts'
import type { Provider } from './providers.ts'
import { KeyValues } from './serving/key-values.ts'
import { singleFeeds } from './serving/slots.ts'
import { isInstalled, RUNTIME_VERSION, Session, type SessionOptions } from './session.ts'

/** As it came out with AVX-512 (AMD EPYC) and with AVX2 and FMA (a Haswell under emulation), in one thread and in two. */
const EXPECTED = '0xaf5c894f60ff154005282e053c1c029abd2bc2b64a0286454833439fca5c97fe'

/** Wide enough that matrix products take more than one panel of the kernels. */
const CONFIG = parseConfig({
  model_type: 'llama',
  vocab_size: 160,
  hidden_size: 96,
  intermediate_size: 272,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})
const EXAMPLES = 2
const EXAMPLE_TOKENS = 33
const STEPS = 2
const SEED = utf8('engine self-test')

export interface Exactness {
  readonly exact: boolean
  /** Why it is not. */
  readonly inexactReason?: string
}

/** Whether the processor reckons as `cpu-exact` demands, to the last bit. */
export async function selfTest(threads: number): Promise<Exactness> {
  const { theta } = await train({ threads })
  const hash: string = keccakHash(new Uint8Array(theta.buffer, theta.byteOffset, theta.byteLength))
  if (hash === EXPECTED) return { exact: true }
  return {
    exact: false,
    inexactReason: `the self-test gave ${hash}, not ${EXPECTED}: onnxruntime ${RUNTIME_VERSION} reckons differently on this ${process.arch} processor`,
  }
}

/** How far another provider may be from the processor: float32 in another order of sums, not another precision. */
const TOLERANCE = 1e-3

/** Why a provider cannot be used on this machine; undefined where it computes the same as the processor, within tolerance. */
export async function refusal(provider: Provider, threads: number): Promise<string | undefined> {
  if (provider === 'cpu') return
  if (!isInstalled(provider))
    return `its libraries are not installed; the README says how, under GPU`
  try {
    for (const compute of [gradients, reading]) {
      const ours = await compute({ threads })
      const error = worstOf(ours, await compute({ threads, provider }))
      if (error <= TOLERANCE) continue
      return `its self-test is off by ${error} of the largest number; ${TOLERANCE} is allowed`
    }
    return
  } catch (error) {
    return reasonOf(error)
  }
}

/** Not parameters: AdamW's first steps divide by little and magnify rounding. */
async function gradients(options: SessionOptions): Promise<Float32Array> {
  return (await train(options)).m
}

/** Logits of a text (T, V). */
async function reading(options: SessionOptions): Promise<Float32Array> {
  const session = await Session.create(serveGraph(CONFIG, fixedWeights), options)
  const source = random(SEED, 'text')
  const tokens = Int32Array.from({ length: EXAMPLE_TOKENS }, () => source.below(CONFIG.vocabSize))
  const { logits } = await session.run({
    tokens: { data: tokens, shape: [1, tokens.length] },
    lengths: { data: Int32Array.of(0), shape: [1] },
    selected: { data: tokens.map((_, index) => index), shape: [tokens.length] },
    ...singleFeeds(CONFIG, undefined),
    ...new KeyValues(CONFIG, 1, 0).feeds(1),
  })
  await session.release()
  return logits!
}

/** Largest difference as a share of the largest number. */
function worstOf(ours: Float32Array, theirs: Float32Array): number {
  const scale = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]!)), 0) / scale
}

/** The runtime's own words, without the condition in its source that was not met. */
function reasonOf(error: unknown): string {
  const [line] = String(error instanceof Error ? error.message : error).split('\n')
  return line!.split(' was false. ').at(-1)!
}

/** The parameters after two training steps, and the mean of their gradients. */
async function train(options: SessionOptions): Promise<{ theta: Float32Array; m: Float32Array }> {
  const layout = loraLayout(CONFIG, {
    rank: 4,
    alpha: 8,
    targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
  })
  const backward = await Session.create(gradientGraph(CONFIG, fixedWeights, layout), options)
  const adam = await Session.create(adamGraph(layout.size), options)
  const source = random(SEED, 'tokens')
  const tokens = Int32Array.from({ length: EXAMPLES * EXAMPLE_TOKENS }, () =>
    source.below(CONFIG.vocabSize),
  )
  const predicted = EXAMPLES * (EXAMPLE_TOKENS - 1)
  let { theta, m, v } = initialState(layout, SEED)
  const optimiser = {
    learningRate: 0.01,
    warmupSteps: 0,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-6,
    weightDecay: 0.01,
  }
  for (let step = 0; step < STEPS; step++) {
    const { 'next.sum': gradient } = await backward.run({
      theta: { data: theta, shape: [layout.size] },
      sum: { data: new Float32Array(layout.size), shape: [layout.size] },
      tokens: { data: tokens, shape: [EXAMPLES, EXAMPLE_TOKENS] },
      weights: {
        data: new Float32Array(predicted).fill(1 / predicted),
        shape: [EXAMPLES, EXAMPLE_TOKENS - 1],
      },
    })
    const hyper = hyperValues(optimiser, optimiser.learningRate, step)
    const outputs = await adam.run({
      theta: { data: theta, shape: [layout.size] },
      m: { data: m, shape: [layout.size] },
      v: { data: v, shape: [layout.size] },
      gradient: { data: gradient!, shape: [layout.size] },
      hyper: { data: hyper, shape: [hyper.length] },
    })
    theta = outputs['next.theta']!
    m = outputs['next.m']!
    v = outputs['next.v']!
  }
  await backward.release()
  await adam.release()
  return { theta, m }
}

/** Weights as wide as a trained model's, from the seed. */
const fixedWeights: WeightSource = (graph, name) => {
  const shape = tensorShapes(CONFIG).get(name)!
  const source = random(SEED, name)
  const length = shape.reduce((product, size) => product * size, 1)
  const centre = name.includes('norm') ? 1 : 0
  return graph.floats(
    Array.from({ length }, () => centre + (source.unit() - 0.5) / 4),
    shape,
  )
}
