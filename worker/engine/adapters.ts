/**
 * Adapters as Hugging Face PEFT keeps them: adapter_config.json and adapter_model.safetensors, to and from the flat vector.
 * They come from strangers: whatever does not fit is refused with the file and the field, before any of it is used.
 */
import { z } from 'zod'
import { utf8 } from '../../protocol/hash.ts'
import { type LoraSpec, PROJECTIONS, type Projection } from '../../protocol/tuning.ts'
import { EngineError } from './errors.ts'
import { float32From } from './half.ts'
import { type LoraLayout, loraLayout } from './lora.ts'
import type { ModelConfig } from './model-config.ts'
import { type NamedTensor, parseHeader, type TensorPlace, writeSafetensors } from './safetensors.ts'

export const ADAPTER_CONFIG_FILE = 'adapter_config.json'
export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors'

/** The contents of an adapter's two files. */
export interface AdapterFiles {
  readonly config: Uint8Array
  readonly weights: Uint8Array
}

export interface Adapter {
  readonly lora: LoraSpec
  /** Flat, as lora.ts lays it out. */
  readonly theta: Float32Array
}

const MAX_CONFIG_BYTES = 64 * 1024

/** The adapter's files, as PEFT would save them. `baseModel` is what PEFT shows as the base model's name. */
export function writeAdapter(
  config: ModelConfig,
  { lora, theta }: Adapter,
  baseModel: string,
): AdapterFiles {
  const layout = loraLayout(config, lora)
  if (theta.length !== layout.size) {
    throw refuse('the adapter', 'theta', `${theta.length} numbers, not ${layout.size}`)
  }
  const tensors = parts(layout).map(({ name, shape, start, end }): NamedTensor => {
    const bytes = new Uint8Array(theta.slice(start, end).buffer)
    return { name, dtype: 'F32', shape, bytes }
  })
  return {
    config: utf8(`${JSON.stringify(peftConfig(lora, baseModel), null, 2)}\n`),
    weights: writeSafetensors(tensors, { format: 'pt' }),
  }
}

function peftConfig(lora: LoraSpec, baseModel: string): object {
  return {
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    peft_type: 'LORA',
    r: lora.rank,
    target_modules: inOrder(lora.targets).map((projection) => `${projection}_proj`),
    task_type: 'CAUSAL_LM',
  }
}

function inOrder(targets: readonly Projection[]): Projection[] {
  return PROJECTIONS.filter((projection) => targets.includes(projection))
}

/** What PEFT can do and we cannot is refused by name; absent and null mean that it is not used. */
const unused = (...harmless: unknown[]) =>
  z
    .unknown()
    .refine(
      (value) =>
        value === undefined ||
        value === null ||
        harmless.some((known) => JSON.stringify(known) === JSON.stringify(value)),
      { message: 'is used, which this engine does not support' },
    )
    .optional()

const PeftConfig = z.object({
  peft_type: z.literal('LORA'),
  r: z.number().int().min(1).max(64),
  lora_alpha: z.number().int().min(1).max(256),
  target_modules: z.array(z.string().max(200)).min(1).max(1000),
  bias: unused('none'),
  use_rslora: unused(false),
  use_dora: unused(false),
  rank_pattern: unused({}),
  alpha_pattern: unused({}),
  modules_to_save: unused([]),
  layers_to_transform: unused([]),
  layers_pattern: unused([]),
  fan_in_fan_out: unused(false),
  lora_bias: unused(false),
  trainable_token_indices: unused([]),
  layer_replication: unused([]),
  exclude_modules: unused([]),
  target_parameters: unused([]),
})

/** Reads an adapter for a base model; throws `EngineError` (`bad-adapter` or `bad-file`). */
export function readAdapter(config: ModelConfig, files: AdapterFiles): Adapter {
  const lora = readConfig(files.config)
  const layout = loraLayout(config, lora)
  const header = parseHeader(files.weights, files.weights.length, ADAPTER_WEIGHTS_FILE)
  const theta = new Float32Array(layout.size)
  const expected = parts(layout)
  for (const { name, shape, start } of expected) {
    const tensor = header.tensors.get(name)
    if (tensor === undefined) throw refuse(ADAPTER_WEIGHTS_FILE, name, 'is missing')
    if (tensor.shape.join() !== shape.join()) {
      const reason = `has shape [${tensor.shape}]; rank ${lora.rank} on this base model takes [${shape}]`
      throw refuse(ADAPTER_WEIGHTS_FILE, name, reason)
    }
    theta.set(readTensor(files.weights, name, tensor), start)
  }
  const known = new Set(expected.map(({ name }) => name))
  for (const name of header.tensors.keys()) {
    if (!known.has(name)) throw refuse(ADAPTER_WEIGHTS_FILE, name, 'fits no target module')
  }
  return { lora, theta }
}

function readConfig(bytes: Uint8Array): LoraSpec {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw refuse(ADAPTER_CONFIG_FILE, 'size', `${bytes.length} bytes, over ${MAX_CONFIG_BYTES}`)
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw refuse(ADAPTER_CONFIG_FILE, 'the whole', 'is no JSON', cause)
  }
  const parsed = PeftConfig.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw refuse(ADAPTER_CONFIG_FILE, issue.path.join('.') || 'the whole', issue.message)
  }
  const targets = inOrder(parsed.data.target_modules.map(projectionOf))
  return { rank: parsed.data.r, alpha: parsed.data.lora_alpha, targets }
}

/** `q_proj`, or a longer path that ends in it, as some trainers write. */
function projectionOf(module: string): Projection {
  const projection = PROJECTIONS.find((name) => module.split('.').at(-1) === `${name}_proj`)
  if (projection === undefined) {
    throw refuse(ADAPTER_CONFIG_FILE, 'target_modules', `"${module}" is not supported`)
  }
  return projection
}

/** Each tensor of an adapter file and its place in the flat vector. */
function parts(layout: LoraLayout) {
  return layout.modules.flatMap(({ name, rank, inputs, outputs, aStart, bStart, end }) => [
    {
      name: `base_model.model.${name}.lora_A.weight`,
      shape: [rank, inputs],
      start: aStart,
      end: bStart,
    },
    {
      name: `base_model.model.${name}.lora_B.weight`,
      shape: [outputs, rank],
      start: bStart,
      end,
    },
  ])
}

function readTensor(file: Uint8Array, name: string, tensor: TensorPlace): Float32Array {
  const { offsetBytes, lengthBytes, dtype } = tensor
  const values = float32From(file.subarray(offsetBytes, offsetBytes + lengthBytes), dtype)
  const broken = values.findIndex((value) => !Number.isFinite(value))
  if (broken >= 0) {
    throw refuse(ADAPTER_WEIGHTS_FILE, name, `holds ${values[broken]} at ${broken}`)
  }
  return values
}

function refuse(file: string, field: string, reason: string, cause?: unknown): EngineError {
  return new EngineError('bad-adapter', `${file}: ${field}: ${reason}`, { cause })
}
