/** Llama (also SmolLM, TinyLlama, our own brook), Mistral, and Qwen 2, 2.5 and 3: gated decoders with rotary positions. */
import { z } from 'zod'
import type { Projection } from '../../../protocol/tuning.ts'
import { GatedDecoder, gatedDecoder, headWidth, oneOf, parseWith, size, windows } from './fields.ts'
import type { Family, FamilyName, ModelConfig, NormPlace } from './model-config.ts'

const Llama = GatedDecoder.extend({
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  sliding_window: oneOf(),
})
const Mistral = GatedDecoder.extend({ attention_bias: oneOf(false) })
const Qwen = GatedDecoder.extend({
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: size.or(z.literal(0)).nullish(),
})
const Qwen3 = Qwen.extend({
  attention_bias: z.boolean().nullish(),
  // The library's own value, whatever the width.
  head_dim: headWidth.default(128),
})

const ATTENTION: readonly Projection[] = ['q', 'k', 'v', 'o']
const FEED_FORWARD: readonly Projection[] = ['gate', 'up', 'down']

export const llama = gatedFamily('llama', (json) => {
  const { sliding_window: _, ...config } = parseWith(Llama, json)
  return {
    ...gatedDecoder(config),
    family: 'llama',
    biases: [...(config.attention_bias ? ATTENTION : []), ...(config.mlp_bias ? FEED_FORWARD : [])],
    queryKeyNorm: false,
    windows: new Array<number>(config.num_hidden_layers).fill(0),
  }
})

export const mistral = gatedFamily('mistral', (json) => {
  const config = parseWith(Mistral, json)
  return {
    ...gatedDecoder(config),
    family: 'mistral',
    biases: [],
    queryKeyNorm: false,
    windows: windows(config, config.sliding_window, 0),
  }
})

export const qwen2 = gatedFamily('qwen2', (json) => {
  const config = parseWith(Qwen, json)
  return {
    ...gatedDecoder(config),
    family: 'qwen2',
    biases: ['q', 'k', 'v'],
    queryKeyNorm: false,
    windows: qwenWindows(config),
  }
})

export const qwen3 = gatedFamily('qwen3', (json) => {
  const config = parseWith(Qwen3, json)
  return {
    ...gatedDecoder(config),
    family: 'qwen3',
    biases: config.attention_bias ? ATTENTION : [],
    queryKeyNorm: true,
    windows: qwenWindows(config),
  }
})

/** 28 is the library's value where a config does not say from which layer on windows slide. */
function qwenWindows(config: z.output<typeof Qwen>): number[] {
  const window = config.use_sliding_window ? config.sliding_window : undefined
  return windows(config, window, config.max_window_layers ?? 28)
}

const NORMS: Record<NormPlace, string> = {
  attention: 'input_layernorm',
  'feed-forward': 'post_attention_layernorm',
  query: 'self_attn.q_norm',
  key: 'self_attn.k_norm',
}

function gatedFamily(name: FamilyName, parse: (json: unknown) => ModelConfig): Family {
  return {
    name,
    parse,
    embedding: 'model.embed_tokens',
    finalNorm: 'model.norm',
    output: 'lm_head',
    norm: (layer, place) => `model.layers.${layer}.${NORMS[place]}`,
    module: (layer, projection) => {
      const part = ATTENTION.includes(projection) ? 'self_attn' : 'mlp'
      return `model.layers.${layer}.${part}.${projection}_proj`
    },
    projections: [...ATTENTION, ...FEED_FORWARD],
    normKind: 'rms',
    feedForwardKind: 'gated',
    inputsFirst: false,
  }
}
