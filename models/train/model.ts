/** The shape of the model that ships, its first weights and its files. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '../../protocol/prng.ts'
import type { FullLayout } from '../../worker/engine/graph/full-graph.ts'
import { writeSafetensors } from '../../worker/engine/files/safetensors.ts'

/** config.json, as Transformers reads it. */
export const CONFIG_JSON = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 4096,
  hidden_size: 256,
  intermediate_size: 688,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 32,
  hidden_act: 'silu',
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  rope_scaling: null,
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: 'float16',
  use_cache: true,
}

/** Spread of the first weights: GPT-2's, with what ends a residual branch scaled down by the number of branches. */
const SPREAD = 0.02

export function initialWeights(layout: FullLayout, layers: number, seed: Uint8Array): Float32Array {
  const theta = new Float32Array(layout.size)
  for (const { name, start, end } of layout.tensors) {
    if (name.includes('norm')) {
      theta.fill(1, start, end)
      continue
    }
    const source = random(seed, `initial ${name}`)
    const ends = name.includes('o_proj') || name.includes('down_proj')
    const spread = ends ? SPREAD / Math.sqrt(2 * layers) : SPREAD
    for (let i = start; i < end; i++) theta[i] = spread * normal(source.unit(), source.unit())
  }
  return theta
}

/** Box and Muller's transform of two uniform draws. */
function normal(a: number, b: number): number {
  return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b)
}

/** Writes config.json, model.safetensors (float16) and the tokenizer of the corpus. */
export function exportModel(
  directory: string,
  theta: Float32Array,
  layout: FullLayout,
  corpus: string,
): void {
  mkdirSync(directory, { recursive: true })
  const tensors = layout.tensors.map(({ name, shape, start, end }) => {
    const half = new Float16Array(theta.subarray(start, end))
    return { name, dtype: 'F16' as const, shape, bytes: new Uint8Array(half.buffer) }
  })
  writeFileSync(join(directory, 'model.safetensors'), writeSafetensors(tensors, { format: 'pt' }))
  writeFileSync(join(directory, 'config.json'), `${JSON.stringify(CONFIG_JSON, null, 2)}\n`)
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(corpus, file), join(directory, file))
}
