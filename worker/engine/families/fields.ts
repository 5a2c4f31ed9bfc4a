/** Fields of config.json that several families share, and how they are refused. Transformers' names throughout. */
import { z } from 'zod'
import { EngineError } from '../errors.ts'
import type { Packing } from '../graph/matrix.ts'
import { MAX_CONTEXT_TOKENS, type ModelConfig } from './model-config.ts'

export const size = z
  .number()
  .int()
  .min(1)
  .max(2 ** 20)
/**
 * Loading takes a time by the square of the layers, whatever little they hold: 64 take 10 s, 128 half a minute (measured,
 * onnxruntime 1.30), and what is under way waits. No model with more of them is as small as those that are fetched.
 */
export const layerCount = size.max(64)
/** A head's positions are tables in each graph, whatever little the files hold: no known model has more than 512. */
export const headWidth = size.max(1024)
export const epsilon = z.number().positive().max(0.1)

/** A field that changes the arithmetic: these values or nothing. */
export const oneOf = (...allowed: unknown[]) =>
  z
    .unknown()
    .refine((value) => value === undefined || value === null || allowed.includes(value), {
      message: `only ${[...allowed.map((value) => JSON.stringify(value)), 'nothing'].join(' or ')} is supported`,
    })
    .optional()

const RopeType = z
  .enum(['default', 'linear', 'llama3'], {
    message: 'only "default", "linear" and "llama3" are supported',
  })
  .optional()

/** Scaling of rotary positions, where old configs (`rope_scaling`) and new ones (`rope_parameters`) keep it. */
const RopeScaling = z.looseObject({
  rope_theta: z.number().positive().optional(),
  rope_type: RopeType,
  type: RopeType,
  factor: z.number().min(1).max(1024).optional(),
  low_freq_factor: z.number().positive().max(1024).optional(),
  high_freq_factor: z.number().positive().max(1024).optional(),
  original_max_position_embeddings: size.optional(),
  partial_rotary_factor: oneOf(1),
  // Positions of each kind of layer by themselves.
  full_attention: oneOf(),
  sliding_attention: oneOf(),
})

/** `quantization_config` of the models that quantise.ts writes; no other method's files are read. */
export const QUANT_METHOD = 'tributary'
export const Quantization = z.strictObject({
  quant_method: z.literal(QUANT_METHOD),
  bits: z.union([z.literal(4), z.literal(8)]),
  block_size: z.union([z.literal(16), z.literal(32), z.literal(64), z.literal(128)]),
})

/** `inputs` are the rows that projections take, whose blocks must come out even. Throws `unsupported-model`. */
export function packing(
  quantization: z.output<typeof Quantization> | null | undefined,
  ...inputs: number[]
): Packing | undefined {
  if (!quantization) return
  const { bits, block_size: blockSize } = quantization
  const odd = inputs.find((size) => size % blockSize !== 0)
  if (odd === undefined) return { bits, blockSize }
  throw unsupported('quantization_config.block_size', `${blockSize} does not divide ${odd} inputs`)
}

/** What decoders with rotary positions, gated feed-forward layers and RMS norms have in common. */
export const GatedDecoder = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: headWidth.nullish(),
  intermediate_size: size,
  max_position_embeddings: size,
  rms_norm_eps: epsilon,
  rope_theta: z.number().positive().nullish(),
  rope_parameters: RopeScaling.nullish(),
  rope_scaling: RopeScaling.nullish(),
  original_max_position_embeddings: size.nullish(),
  partial_rotary_factor: oneOf(1),
  is_causal: oneOf(true),
  tie_word_embeddings: z.boolean().nullish(),
  hidden_act: oneOf('silu'),
  pretraining_tp: oneOf(1),
  quantization_config: Quantization.nullish(),
  sliding_window: size.nullish(),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
})
type GatedDecoder = z.output<typeof GatedDecoder>

type Shared = Omit<ModelConfig, 'family' | 'biases' | 'queryKeyNorm' | 'windows'>

/** The part of a config that all gated decoders read alike. Throws `unsupported-model`. */
export function gatedDecoder(config: GatedDecoder): Shared {
  const heads = config.num_attention_heads
  const keyValueHeads = config.num_key_value_heads ?? heads
  if (heads % keyValueHeads !== 0) {
    throw unsupported('num_key_value_heads', `${keyValueHeads} does not divide ${heads} heads`)
  }
  const headSize = config.head_dim ?? config.hidden_size / heads
  if (!headWidth.multipleOf(2).safeParse(headSize).success) {
    throw unsupported('head_dim', `heads of ${headSize} numbers cannot be turned in pairs`)
  }
  return {
    vocabSize: config.vocab_size,
    width: config.hidden_size,
    layers: config.num_hidden_layers,
    heads,
    keyValueHeads,
    headSize,
    feedForward: config.intermediate_size,
    contextTokens: Math.min(config.max_position_embeddings, MAX_CONTEXT_TOKENS),
    positionRows: 0,
    rotaryFrequencies: rotaryFrequencies(config, headSize),
    normEpsilon: config.rms_norm_eps,
    tied: config.tie_word_embeddings ?? false,
    packing: packing(
      config.quantization_config,
      config.hidden_size,
      heads * headSize,
      config.intermediate_size,
    ),
  }
}

/** Windows of the layers: those that `layer_types` calls sliding, or without it all from layer `from` on. */
export function windows(
  config: GatedDecoder,
  window: number | null | undefined,
  from: number,
): number[] {
  const { layer_types: types, num_hidden_layers: layers } = config
  if (types && types.length !== layers) {
    throw unsupported('layer_types', `${types.length} entries for ${layers} layers`)
  }
  return Array.from({ length: layers }, (_, layer) => {
    if (types && types[layer] === 'sliding_attention' && !window) {
      throw unsupported('layer_types', `layer ${layer} slides, but no window is in use`)
    }
    const slides = types ? types[layer] === 'sliding_attention' : layer >= from
    return slides ? (window ?? 0) : 0
  })
}

/** Transformers reckons frequencies in float32: so does this, to stay within a rounding of it. */
function rotaryFrequencies(config: GatedDecoder, headSize: number): number[] {
  // Where a config has both, the library goes by the old one.
  const isOld = Object.keys(config.rope_scaling ?? {}).length > 0
  const scaling = (isOld ? config.rope_scaling : config.rope_parameters) ?? {}
  const field = isOld ? 'rope_scaling' : 'rope_parameters'
  // 10,000 is Llama's value where a config says nothing.
  const theta = scaling.rope_theta ?? config.rope_theta ?? 10_000
  const plain = Array.from({ length: headSize / 2 }, (_, pair) =>
    Math.fround(1 / Math.fround(theta ** ((2 * pair) / headSize))),
  )
  const type = scaling.rope_type ?? scaling.type ?? 'default'
  if (type === 'default') return plain
  const factor = scaling.factor
  if (factor === undefined) throw unsupported(`${field}.factor`, 'is missing')
  if (type === 'linear') return plain.map((frequency) => Math.fround(frequency / factor))
  const {
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: own,
  } = scaling
  const original = config.original_max_position_embeddings ?? own
  if (low === undefined || high === undefined || original === undefined || high <= low) {
    throw unsupported(
      field,
      'llama3 takes low_freq_factor < high_freq_factor and original_max_position_embeddings',
    )
  }
  return plain.map((frequency) => Math.fround(llama3(frequency, { factor, low, high, original })))
}

/** Llama 3.1's scaling: tokens of the original context, and which waves count as long and short beside it. */
interface Llama3Scaling {
  readonly factor: number
  readonly low: number
  readonly high: number
  readonly original: number
}

/**
 * Llama 3.1's scaling: long waves are stretched by the factor, short ones stay, and between the two it blends.
 * Source: Transformers' `_compute_llama3_parameters`, as the model's paper (arXiv 2407.21783) gives no formula.
 */
function llama3(frequency: number, { factor, low, high, original }: Llama3Scaling): number {
  const wavelength = (2 * Math.PI) / frequency
  if (wavelength < original / high) return frequency
  if (wavelength > original / low) return frequency / factor
  const blend = (original / wavelength - low) / (high - low)
  return ((1 - blend) * frequency) / factor + blend * frequency
}

/** Checks a config.json against a family's schema. Throws `EngineError` (`unsupported-model`) naming the field. */
export function parseWith<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw unsupported(issue.path.join('.') || 'the whole', issue.message)
}

export function unsupported(field: string, reason: string): EngineError {
  return new EngineError(
    'unsupported-model',
    `config.json asks for what this engine cannot do: ${field}: ${reason}`,
  )
}
