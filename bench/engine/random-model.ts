/** A model of the size that figures are asked for, with random weights: speed does not depend on what they are. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'
import type { LoraSpec, Optimiser } from '../../protocol/tuning.ts'
import { parseConfig } from '../../worker/engine/families/known.ts'
import { writeSafetensors } from '../../worker/engine/files/safetensors.ts'
import { tensorShapes } from '../../worker/engine/graph/transformer.ts'

/** 88 million parameters, of which 12.6 million are tables. */
const CONFIG = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 8192,
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_key_value_heads: 4,
  max_position_embeddings: 1024,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
  bos_token_id: 0,
  eos_token_id: 0,
}
const VOCABULARY = CONFIG.vocab_size

export const LORA: LoraSpec = {
  rank: 8,
  alpha: 16,
  targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
}
export const OPTIMISER: Optimiser = {
  learningRate: 1e-4,
  schedule: 'cosine',
  warmupSteps: 0,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
}
export const SEED = utf8('engine benchmark, 32 bytes of seed')

/** Writes the model to a folder that goes when it is disposed of. */
export async function randomModel(): Promise<AsyncDisposable & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'tributary-bench-'))
  const tensors = [...tensorShapes(parseConfig(CONFIG))].map(([name, shape]) => {
    const source = random(SEED, name)
    const length = shape.reduce((product, size) => product * size, 1)
    const values = Float32Array.from({ length }, () =>
      shape.length === 1 ? 1 : (source.unit() - 0.5) * 0.07,
    )
    return { name, dtype: 'F32' as const, shape, bytes: new Uint8Array(values.buffer) }
  })
  const vocab = Object.fromEntries(Array.from({ length: VOCABULARY }, (_, id) => [`<${id}>`, id]))
  const tokenizer = { model: { type: 'BPE', vocab, merges: [] } }
  await writeFile(join(directory, 'model.safetensors'), writeSafetensors(tensors, { format: 'pt' }))
  await writeFile(join(directory, 'config.json'), JSON.stringify(CONFIG))
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer))
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) }
}

/** Token ids, the same for one label. */
export function someTokens(count: number, label: string): number[] {
  const source = random(SEED, label)
  return Array.from({ length: count }, () => source.below(VOCABULARY))
}

/** An adapter's flat parameters, none zero. */
export function someAdapter(size: number, label: string): Float32Array {
  const source = random(SEED, label)
  return Float32Array.from({ length: size }, () => (source.unit() - 0.5) * 0.04)
}
