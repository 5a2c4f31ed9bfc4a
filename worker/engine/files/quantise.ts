/** Writes a base model again with its projections as integers of 4 or 8 bits: an eighth or a quarter of the memory. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Projection } from '../../../protocol/tuning.ts'
import { allFinite } from '../checks.ts'
import { EngineError } from '../errors.ts'
import { QUANT_METHOD } from '../families/fields.ts'
import { familyOf, parseConfig } from '../families/known.ts'
import { projectionShape } from '../families/model-config.ts'
import type { Packing } from '../graph/matrix.ts'
import type { ExternalTensor } from '../graph/onnx.ts'
import { packedTensors } from '../graph/transformer.ts'
import {
  type BaseModel,
  OPTIONAL_FILES,
  openBaseModel,
  readFloats,
  readPlace,
} from './base-model.ts'
import { dtypeOf, type TensorSource, writeSafetensorsFile } from './safetensors.ts'

const COPIED = ['tokenizer.json', ...OPTIONAL_FILES]

/** Smaller blocks are truer and larger: 32 is what most tools take; 16 fits rows that 32 does not divide. */
const BLOCK_SIZES = [32, 16]

/**
 * Quantises the model in `source` into the folder `target`, which is made. Throws `EngineError`: `unsupported-model` where
 * the model is quantised already or its rows are no whole number of blocks, `bad-file` where a weight is no number,
 * `bad-input` where there is something in `target`.
 */
export async function quantiseModel(
  source: string,
  target: string,
  bits: Packing['bits'],
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const base = await openBaseModel(source)
  if (base.config.packing !== undefined) {
    throw new EngineError('unsupported-model', `the model in ${source} is quantised already`)
  }
  const { config: plainConfig } = base
  const inputs = familyOf(plainConfig).projections.map((p) => projectionShape(plainConfig, p)[1])
  const fits = (size: number): boolean => inputs.every((input) => input % size === 0)
  // Where none fits, the config that comes out is refused with the rows that do not.
  const packing = { bits, blockSize: BLOCK_SIZES.find(fits) ?? BLOCK_SIZES[0]! }
  const json = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as object
  const quantization_config = {
    quant_method: QUANT_METHOD,
    bits,
    block_size: packing.blockSize,
  }
  const config = { ...json, quantization_config }
  const packed = packedTensors(parseConfig(config))
  await mkdir(target, { recursive: true })
  if ((await readdir(target)).length > 0) {
    // It may be the model itself, whose weights are read while these are written.
    throw new EngineError('bad-input', `${target} is not empty; name a new folder`)
  }
  const tensors = [...base.places].flatMap(([name, place]) => {
    const which = packed.get(name)
    if (which === undefined) return [plain(source, name, place)]
    return packedPair(source, base, which, { name, place }, packing)
  })
  await writeSafetensorsFile(join(target, 'model.safetensors'), tensors, onProgress)
  for (const name of COPIED) {
    // Not every model has all of them.
    await copyFile(join(source, name), join(target, name)).catch(() => undefined)
  }
  await writeFile(join(target, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

function plain(source: string, name: string, place: ExternalTensor): TensorSource {
  const { type, shape, lengthBytes } = place
  return { name, dtype: dtypeOf(type), shape, lengthBytes, read: () => readPlace(source, place) }
}

/** The two tensors that a projection's weight becomes. */
function packedPair(
  source: string,
  { config }: BaseModel,
  which: Projection,
  { name, place }: { readonly name: string; readonly place: ExternalTensor },
  packing: Packing,
): TensorSource[] {
  const [outputs, inputs] = projectionShape(config, which)
  const blocks = inputs / packing.blockSize
  const blockBytes = (packing.blockSize * packing.bits) / 8
  // Worked out when the integers are written, and kept until the scales that follow them are.
  let scales = new Float32Array()
  return [
    {
      ...{ name, dtype: 'U8', shape: [outputs, blocks, blockBytes] },
      lengthBytes: outputs * blocks * blockBytes,
      read: async () => {
        const values = await readFloats(source, place)
        if (!allFinite(values)) {
          const reason = `${place.file}: ${name} holds a number that is not finite`
          throw new EngineError('bad-file', `the model cannot be quantised: ${reason}`)
        }
        const rows = familyOf(config).inputsFirst ? transposed(values, inputs, outputs) : values
        const quantised = quantise(rows, packing)
        scales = quantised.scales
        return quantised.packed
      },
    },
    {
      ...{ name: name.replace(/weight$/, 'scales'), dtype: 'F32', shape: [outputs, blocks] },
      lengthBytes: 4 * outputs * blocks,
      read: async () => {
        const bytes = new Uint8Array(scales.buffer)
        scales = new Float32Array()
        return bytes
      },
    },
  ]
}

/** (rows, columns) -> (columns, rows). */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column]!
    }
  }
  return result
}

/**
 * Blocks of values -> integers around half their range, and a scale for each block: the value farthest from zero comes out
 * exactly, as the lowest integer. Length a multiple of `blockSize`.
 */
export function quantise(
  values: Float32Array,
  { bits, blockSize }: Packing,
): { packed: Uint8Array; scales: Float32Array<ArrayBuffer> } {
  const half = 2 ** (bits - 1)
  const scales = new Float32Array(values.length / blockSize)
  const packed = new Uint8Array((values.length * bits) / 8)
  for (let block = 0; block < scales.length; block++) {
    const start = block * blockSize
    let farthest = 0
    for (let i = start; i < start + blockSize; i++) {
      if (Math.abs(values[i]!) > Math.abs(farthest)) farthest = values[i]!
    }
    const scale = Math.fround(farthest / -half)
    scales[block] = scale
    for (let i = start; i < start + blockSize; i++) {
      const rounded = scale === 0 ? half : Math.round(values[i]! / scale) + half
      const integer = Math.min(2 * half - 1, Math.max(0, rounded))
      if (bits === 8) packed[i] = integer
      else packed[i >> 1]! |= i % 2 === 0 ? integer : integer << 4
    }
  }
  return { packed, scales }
}
