/** GPT-2 (also DistilGPT-2): learned positions, layer norms, queries, keys and values in one map, weights the other way round. */
import { z } from 'zod'
import type { Projection } from '../../../protocol/tuning.ts'
import {
  epsilon,
  layerCount,
  oneOf,
  packing,
  parseWith,
  Quantization,
  size,
  unsupported,
} from './fields.ts'
import { type Family, MAX_CONTEXT_TOKENS } from './model-config.ts'

const Config = z.object({
  vocab_size: size,
  n_embd: size,
  n_layer: layerCount,
  n_head: size,
  n_inner: size.nullish(),
  n_positions: size,
  layer_norm_epsilon: epsilon,
  activation_function: oneOf('gelu_new', 'gelu_pytorch_tanh'),
  tie_word_embeddings: oneOf(true),
  scale_attn_weights: oneOf(true),
  scale_attn_by_inverse_layer_idx: oneOf(false),
  add_cross_attention: oneOf(false),
  is_causal: oneOf(true),
  quantization_config: Quantization.nullish(),
})

/** Other names for the same, by which the library goes where a config has both. */
const ALIASES = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
} as const

const PATHS: Partial<Record<Projection, string>> = {
  qkv: 'attn.c_attn',
  o: 'attn.c_proj',
  up: 'mlp.c_fc',
  down: 'mlp.c_proj',
}
const PROJECTIONS = Object.keys(PATHS) as Projection[]
const NORMS = { attention: 'ln_1', 'feed-forward': 'ln_2', query: '', key: '' }

export const gpt2: Family = {
  name: 'gpt2',
  parse(json) {
    const config = parseWith(Config, json)
    for (const [alias, name] of Object.entries(ALIASES)) {
      const other: unknown = Reflect.get(json as object, alias)
      if (other === undefined || other === config[name]) continue
      throw unsupported(alias, `is ${JSON.stringify(other)}, but ${name} is ${config[name]}`)
    }
    const headSize = config.n_embd / config.n_head
    if (!Number.isInteger(headSize)) {
      throw unsupported('n_head', `${config.n_head} does not divide a width of ${config.n_embd}`)
    }
    const feedForward = config.n_inner ?? 4 * config.n_embd
    return {
      family: 'gpt2',
      vocabSize: config.vocab_size,
      width: config.n_embd,
      layers: config.n_layer,
      heads: config.n_head,
      keyValueHeads: config.n_head,
      headSize,
      feedForward,
      contextTokens: Math.min(config.n_positions, MAX_CONTEXT_TOKENS),
      positionRows: config.n_positions,
      normEpsilon: config.layer_norm_epsilon,
      tied: true,
      packing: packing(config.quantization_config, config.n_embd, feedForward),
      rotaryFrequencies: undefined,
      biases: PROJECTIONS,
      queryKeyNorm: false,
      windows: new Array<number>(config.n_layer).fill(0),
    }
  },
  embedding: 'transformer.wte',
  positions: 'transformer.wpe',
  finalNorm: 'transformer.ln_f',
  output: 'lm_head',
  norm: (layer, place) => `transformer.h.${layer}.${NORMS[place]}`,
  module: (layer, projection) => `transformer.h.${layer}.${PATHS[projection]}`,
  projections: PROJECTIONS,
  normKind: 'layer',
  feedForwardKind: 'plain',
  inputsFirst: true,
}
