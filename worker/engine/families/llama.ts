/** The Llama family (SmolLM, TinyLlama, our own brook): from config.json to layers. Transformers' names throughout. */
import { z } from 'zod'
import { PROJECTIONS, type Projection } from '../../../protocol/tuning.ts'
import { EngineError } from '../errors.ts'
import type { Tape } from '../gradient.ts'
import type { Value } from '../onnx.ts'
import {
  add,
  attention,
  type BatchSize,
  type HeadSizes,
  rmsNorm,
  rotate,
  splitHeads,
  swiglu,
} from '../operations.ts'

/** What of a config.json the graphs depend on. */
export interface LlamaConfig extends HeadSizes {
  readonly family: 'llama'
  readonly vocabSize: number
  readonly width: number
  readonly layers: number
  readonly feedForward: number
  readonly contextTokens: number
  readonly ropeTheta: number
  readonly normEpsilon: number
  /** The output table is the embedding table. */
  readonly tied: boolean
}

/** The rotary tables are part of the graph: 4,096 positions of 64 pairs are 2 MB. Longer models are cut to this. */
const MAX_CONTEXT_TOKENS = 4096

const size = z
  .number()
  .int()
  .min(1)
  .max(2 ** 20)
const absent = (value: unknown): boolean => value === undefined || value === null
const oneOf = (...allowed: unknown[]) =>
  z
    .unknown()
    .refine((value) => absent(value) || allowed.includes(value), {
      message: `only ${JSON.stringify(allowed)} or nothing is supported`,
    })
    .optional()

/** Fields that we do not know are let through, but those that would change the arithmetic are named here. */
const Config = z.object({
  model_type: z.literal('llama', { message: 'only "llama" is supported' }),
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size.max(256),
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  intermediate_size: size,
  max_position_embeddings: size,
  rms_norm_eps: z.number().positive().max(0.1),
  rope_theta: z.number().positive().nullish(),
  rope_parameters: z
    .object({ rope_theta: z.number().positive(), rope_type: oneOf('default') })
    .nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  hidden_act: oneOf('silu'),
  attention_bias: oneOf(false),
  mlp_bias: oneOf(false),
  rope_scaling: oneOf(),
  partial_rotary_factor: oneOf(1),
  pretraining_tp: oneOf(1),
  quantization_config: oneOf(),
  sliding_window: oneOf(),
})

/** Reads a config.json, already parsed as JSON. Throws `EngineError` (`unsupported-model`) naming the field. */
export function parseConfig(json: unknown): LlamaConfig {
  const parsed = Config.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw unsupported(issue.path.join('.') || 'the whole', issue.message)
  }
  const config = parsed.data
  const heads = config.num_attention_heads
  const keyValueHeads = config.num_key_value_heads ?? heads
  if (heads % keyValueHeads !== 0) {
    throw unsupported('num_key_value_heads', `${keyValueHeads} does not divide ${heads} heads`)
  }
  const headSize = config.head_dim ?? config.hidden_size / heads
  if (!Number.isInteger(headSize / 2)) {
    throw unsupported('head_dim', `heads of ${headSize} numbers cannot be turned in pairs`)
  }
  return {
    family: 'llama',
    vocabSize: config.vocab_size,
    width: config.hidden_size,
    layers: config.num_hidden_layers,
    heads,
    keyValueHeads,
    headSize,
    feedForward: config.intermediate_size,
    contextTokens: Math.min(config.max_position_embeddings, MAX_CONTEXT_TOKENS),
    // 10,000 is Llama's value where a config says nothing.
    ropeTheta: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000,
    normEpsilon: config.rms_norm_eps,
    tied: config.tie_word_embeddings ?? false,
  }
}

function unsupported(field: string, reason: string): EngineError {
  return new EngineError(
    'unsupported-model',
    `config.json asks for what this engine cannot do: ${field}: ${reason}`,
  )
}

/** [outputs, inputs] of a projection's weight. */
export function projectionShape(config: LlamaConfig, projection: Projection): [number, number] {
  const { width, feedForward, headSize } = config
  const queries = config.heads * headSize
  const keys = config.keyValueHeads * headSize
  const shapes: Record<Projection, [number, number]> = {
    q: [queries, width],
    k: [keys, width],
    v: [keys, width],
    o: [width, queries],
    gate: [feedForward, width],
    up: [feedForward, width],
    down: [width, feedForward],
  }
  return shapes[projection]
}

/** The module of a projection as Transformers and PEFT name it, without `.weight`. */
export function moduleName(layer: number, projection: Projection): string {
  const part = ['q', 'k', 'v', 'o'].includes(projection) ? 'self_attn' : 'mlp'
  return `model.layers.${layer}.${part}.${projection}_proj`
}

export const EMBEDDING = 'model.embed_tokens.weight'
const FINAL_NORM = 'model.norm.weight'

/** The table that turns the last hidden state into logits. */
export function outputTable(config: LlamaConfig): string {
  return config.tied ? EMBEDDING : 'lm_head.weight'
}

function normName(layer: number, norm: 'input' | 'post_attention'): string {
  return `model.layers.${layer}.${norm}_layernorm.weight`
}

/** Every tensor that a model file must hold, with its shape, in the order of the flat vector of full training. */
export function tensorShapes(config: LlamaConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>([[EMBEDDING, [config.vocabSize, config.width]]])
  for (let layer = 0; layer < config.layers; layer++) {
    for (const projection of PROJECTIONS) {
      shapes.set(`${moduleName(layer, projection)}.weight`, projectionShape(config, projection))
    }
    shapes.set(normName(layer, 'input'), [config.width])
    shapes.set(normName(layer, 'post_attention'), [config.width])
  }
  shapes.set(FINAL_NORM, [config.width])
  if (!config.tied) shapes.set(outputTable(config), [config.vocabSize, config.width])
  return shapes
}

/** cos and sin of every position's angles, each (contextTokens, headSize); the first half of each sin row is negated. */
export function rotaryTables(config: LlamaConfig): { cos: Float32Array; sin: Float32Array } {
  const { contextTokens, headSize, ropeTheta } = config
  const half = headSize / 2
  const cos = new Float32Array(contextTokens * headSize)
  const sin = new Float32Array(contextTokens * headSize)
  for (let pair = 0; pair < half; pair++) {
    // Transformers reckons frequencies and angles in float32: so does this, to stay within a rounding of it.
    const frequency = Math.fround(1 / Math.fround(ropeTheta ** ((2 * pair) / headSize)))
    for (let position = 0; position < contextTokens; position++) {
      const angle = Math.fround(position * frequency)
      const first = position * headSize + pair
      cos[first] = cos[first + half] = Math.cos(angle)
      sin[first] = -Math.sin(angle)
      sin[first + half] = Math.sin(angle)
    }
  }
  return { cos, sin }
}

/** What the layers need of the graph that they become part of. */
export interface LlamaGraph {
  readonly tape: Tape
  readonly size: BatchSize
  /** (T, 1, D) or (B, T, 1, D). */
  readonly angles: { readonly cos: Value; readonly sin: Value }
  /** Added to the attention scores. */
  readonly mask: Value
  weight(name: string): Value
  /** A projection with whatever adapter the graph has on it. */
  project(x: Value, layer: number, projection: Projection): Value
  /** New keys and values (B, T, G, D) in, all that the queries may look at (B, S, G, D) out. */
  remember(layer: number, k: Value, v: Value): { k: Value; v: Value }
}

/** Embedded tokens (M, d) -> normalised last hidden states (M, d). */
export function forward(config: LlamaConfig, graph: LlamaGraph, embedded: Value): Value {
  const { tape } = graph
  const norm = (x: Value, name: string): Value =>
    rmsNorm(tape, x, graph.weight(name), config.normEpsilon)
  let x = embedded
  for (let layer = 0; layer < config.layers; layer++) {
    const project = (input: Value, projection: Projection): Value =>
      graph.project(input, layer, projection)
    const seen = attend(config, graph, layer, norm(x, normName(layer, 'input')))
    x = add(tape, x, project(seen, 'o'))
    const y = norm(x, normName(layer, 'post_attention'))
    x = add(tape, x, project(swiglu(tape, project(y, 'gate'), project(y, 'up')), 'down'))
  }
  return norm(x, FINAL_NORM)
}

function attend(config: LlamaConfig, graph: LlamaGraph, layer: number, x: Value): Value {
  const { tape, size, angles } = graph
  const { heads, keyValueHeads, headSize } = config
  const q = rotate(tape, graph.project(x, layer, 'q'), heads, headSize, size, angles)
  const k = rotate(tape, graph.project(x, layer, 'k'), keyValueHeads, headSize, size, angles)
  const v = splitHeads(tape, graph.project(x, layer, 'v'), keyValueHeads, headSize, size)
  const all = graph.remember(layer, k, v)
  return attention(tape, q, all.k, all.v, graph.mask, config, size)
}
