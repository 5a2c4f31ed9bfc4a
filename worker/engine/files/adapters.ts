/**
 * Adapters as Hugging Face PEFT keeps them: adapter_config.json and adapter_model.safetensors, to and from the flat vector.
 * They come from strangers: whatever does not fit is refused with the file and the field, before any of it is used.
 */
import { utf8 } from '../../../protocol/hash.ts'
import type { LoraSpec } from '../../../protocol/tuning.ts'
import { allFinite } from '../checks.ts'
import { EngineError } from '../errors.ts'
import type { ModelConfig } from '../families/model-config.ts'
import { type LoraModule, loraLayout } from '../lora.ts'
import { float32From } from './half.ts'
import { type FileModule, peftConfig, readPeftConfig, refuse } from './peft-config.ts'
import {
  elementType,
  type NamedTensor,
  parseHeader,
  type SafetensorsHeader,
  type TensorPlace,
  writeSafetensors,
} from './safetensors.ts'

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
  const tensors = layout.modules.flatMap((module): NamedTensor[] => {
    const { inputs, outputs, rank, aStart, bStart, end } = module
    const tensor = (half: 'A' | 'B', shape: number[], from: number, to: number): NamedTensor => {
      const bytes = new Uint8Array(theta.slice(from, to).buffer)
      return { name: tensorName(module, half), dtype: 'F32', shape, bytes }
    }
    return [tensor('A', [rank, inputs], aStart, bStart), tensor('B', [outputs, rank], bStart, end)]
  })
  return {
    config: utf8(`${JSON.stringify(peftConfig(config, lora, baseModel), null, 2)}\n`),
    weights: writeSafetensors(tensors, { format: 'pt' }),
  }
}

/**
 * Reads an adapter for a base model; throws `EngineError` (`bad-adapter`). Where modules differ in rank or
 * scale, smaller ranks are filled up with zeros and the scales are multiplied into B: the function is the same.
 */
export function readAdapter(config: ModelConfig, files: AdapterFiles): Adapter {
  const { lora, modules } = readPeftConfig(config, files.config)
  const layout = loraLayout(config, lora)
  const header = headerOf(files.weights)
  const theta = new Float32Array(layout.size)
  const read = (name: string, shape: number[]): Float32Array => {
    const tensor = header.tensors.get(name)
    if (tensor === undefined) throw refuse(ADAPTER_WEIGHTS_FILE, name, 'is missing')
    if (tensor.shape.join() !== shape.join()) {
      const reason = `has shape [${tensor.shape}]; on this base model it takes [${shape}]`
      throw refuse(ADAPTER_WEIGHTS_FILE, name, reason)
    }
    return readTensor(files.weights, name, tensor)
  }
  for (const module of modules) {
    const { inputs, outputs, fileRank } = module
    theta.set(read(tensorName(module, 'A'), [fileRank, inputs]), module.aStart)
    const b = read(tensorName(module, 'B'), [outputs, fileRank])
    placeB(theta, module, b, module.fileScale / layout.scale)
  }
  const known = new Set(modules.flatMap((m) => [tensorName(m, 'A'), tensorName(m, 'B')]))
  for (const name of header.tensors.keys()) {
    if (!known.has(name)) throw refuse(ADAPTER_WEIGHTS_FILE, name, 'fits no target module')
  }
  return { lora, theta }
}

/** Whatever is wrong with an adapter's file is a fault of the adapter. */
function headerOf(weights: Uint8Array): SafetensorsHeader {
  try {
    return parseHeader(weights, weights.length, ADAPTER_WEIGHTS_FILE)
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause
    throw new EngineError('bad-adapter', cause.message, { cause })
  }
}

/** B of a file (outputs, fileRank) times a factor, into theta's (outputs, rank). */
function placeB(theta: Float32Array, module: FileModule, b: Float32Array, factor: number): void {
  const { outputs, rank, fileRank, bStart } = module
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < fileRank; column++) {
      theta[bStart + row * rank + column] = b[row * fileRank + column]! * factor
    }
  }
}

function tensorName({ name }: LoraModule, half: 'A' | 'B'): string {
  return `base_model.model.${name}.lora_${half}.weight`
}

function readTensor(file: Uint8Array, name: string, tensor: TensorPlace): Float32Array {
  const { offsetBytes, lengthBytes, dtype } = tensor
  const type = elementType(dtype)
  if (type === undefined || type === 'uint8') {
    throw refuse(ADAPTER_WEIGHTS_FILE, name, `is ${dtype}; it must be F32, F16 or BF16`)
  }
  const values = float32From(file.subarray(offsetBytes, offsetBytes + lengthBytes), dtype)
  if (allFinite(values)) return values
  const broken = values.findIndex((value) => !Number.isFinite(value))
  throw refuse(ADAPTER_WEIGHTS_FILE, name, `holds ${values[broken]} at ${broken}`)
}
