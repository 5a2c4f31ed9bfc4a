/**
 * A small fixed computation whose result is known to the last bit: whether this machine's arithmetic is that of precision
 * class `cpu-exact`. It passes through every operator and matrix kernel that training uses.
 */
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'
import type { LoraSpec } from '../../protocol/tuning.ts'
import { parseConfig } from './families/known.ts'
import type { WeightSource } from './graph/graph.ts'
import { adamGraph, hyperValues } from './graph/optimiser.ts'
import { serveGraph } from './graph/serve-graph.ts'
import { gradientGraph } from './graph/train-graph.ts'
import { tensorShapes } from './graph/transformer.ts'
import { initialState, loraLayout } from './lora.ts'
import type { Provider } from './providers.ts'
import { textFeeds } from './serving/feeds.ts'
import { KeyValues } from './serving/key-values.ts'
import { Slots } from './serving/slots.ts'
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
const LORA: LoraSpec = {
  rank: 4,
  alpha: 8,
  targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
}
const LAYOUT = loraLayout(CONFIG, LORA)
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

/** Logits of one text differ by more, as a share of the largest, where one of them has an adapter: 0.36 on a processor. */
const CANARY = 10 * TOLERANCE

/**
 * Logits of one text twice in a batch (2·T, V): as it is, and with an adapter.
 * @throws Error where the adapter cannot be seen
 */
export async function reading(options: SessionOptions): Promise<Float32Array> {
  const session = await Session.create(serveGraph(CONFIG, fixedWeights), options)
  const source = random(SEED, 'text')
  const text = Array.from({ length: EXAMPLE_TOKENS }, () => source.below(CONFIG.vocabSize))
  const data = Float32Array.from({ length: LAYOUT.size }, () => (source.unit() - 0.5) / 4)
  const slots = new Slots(CONFIG)
  slots.arrange([undefined, { id: undefined, lora: LORA, data }])
  const all = Int32Array.from(text.keys())
  const { logits } = await session.run({
    ...textFeeds([text, text], [0, 0], all),
    ...slots.feeds(),
    ...new KeyValues(CONFIG, 2, 0).feeds(2),
  })
  await session.release()
  const half = logits!.length / 2
  const effect = worstOf(logits!.subarray(0, half), logits!.subarray(half))
  if (effect <= CANARY) throw new Error(`an adapter changes nothing on it (${effect})`)
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
  const backward = await Session.create(gradientGraph(CONFIG, fixedWeights, LAYOUT), options)
  const adam = await Session.create(adamGraph(LAYOUT.size), options)
  const source = random(SEED, 'tokens')
  const tokens = Int32Array.from({ length: EXAMPLES * EXAMPLE_TOKENS }, () =>
    source.below(CONFIG.vocabSize),
  )
  const predicted = EXAMPLES * (EXAMPLE_TOKENS - 1)
  let { theta, m, v } = initialState(LAYOUT, SEED)
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
      theta: { data: theta, shape: [LAYOUT.size] },
      sum: { data: new Float32Array(LAYOUT.size), shape: [LAYOUT.size] },
      tokens: { data: tokens, shape: [EXAMPLES, EXAMPLE_TOKENS] },
      weights: {
        data: new Float32Array(predicted).fill(1 / predicted),
        shape: [EXAMPLES, EXAMPLE_TOKENS - 1],
      },
    })
    const hyper = hyperValues(optimiser, optimiser.learningRate, step)
    const outputs = await adam.run({
      theta: { data: theta, shape: [LAYOUT.size] },
      m: { data: m, shape: [LAYOUT.size] },
      v: { data: v, shape: [LAYOUT.size] },
      gradient: { data: gradient!, shape: [LAYOUT.size] },
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
