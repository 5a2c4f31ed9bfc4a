/**
 * Safetensors files, whose every claim about themselves is checked before anything is read by it: they come from strangers.
 * Layout: header length (8 bytes, little-endian), header (JSON), tensors end to end. Source: https://huggingface.co/docs/safetensors
 */
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import { concat, utf8 } from '../../../protocol/hash.ts'
import { EngineError } from '../errors.ts'
import type { ElementType } from '../graph/onnx.ts'

/** The types of weights, with ONNX's name, and those of what else lies in model files: masks, counters. */
const DTYPES = {
  F32: { sizeBytes: 4, element: 'float32' },
  F16: { sizeBytes: 2, element: 'float16' },
  BF16: { sizeBytes: 2, element: 'bfloat16' },
  F64: { sizeBytes: 8 },
  I64: { sizeBytes: 8 },
  I32: { sizeBytes: 4 },
  I16: { sizeBytes: 2 },
  I8: { sizeBytes: 1 },
  U8: { sizeBytes: 1, element: 'uint8' },
  BOOL: { sizeBytes: 1 },
} as const satisfies Record<string, { sizeBytes: number; element?: ElementType }>
export type Dtype = keyof typeof DTYPES

/** The element type of the graph's initializer for a stored type; undefined where no weight may have it. U8 holds packed integers. */
export function elementType(dtype: Dtype): ElementType | undefined {
  const type = DTYPES[dtype]
  return 'element' in type ? type.element : undefined
}

/** The stored type of an element type: the other way round. */
export function dtypeOf(type: ElementType): Dtype {
  const dtypes = Object.keys(DTYPES) as Dtype[]
  return dtypes.find((dtype) => elementType(dtype) === type)!
}

/** One tensor's place in a file. */
export interface TensorPlace {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** From the beginning of the file. */
  readonly offsetBytes: number
  readonly lengthBytes: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorPlace>
  readonly metadata: Readonly<Record<string, string>>
}

const LENGTH_BYTES = 8
/** Real headers are far shorter: 30,000 tensors take about 4 MB. */
const MAX_HEADER_BYTES = 16 * 2 ** 20
const MAX_DIMENSIONS = 8

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const Entry = z.strictObject({
  dtype: z.enum(Object.keys(DTYPES) as [Dtype, ...Dtype[]]),
  shape: z.array(whole).max(MAX_DIMENSIONS),
  data_offsets: z.tuple([whole, whole]),
})
const Metadata = z.record(z.string(), z.string())

/** Reads and checks the header of a file; throws `EngineError` (`bad-file`). */
export async function readHeader(path: string): Promise<SafetensorsHeader> {
  const name = basename(path)
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    throw new EngineError('bad-file', `${name} cannot be opened`, { cause })
  }
  try {
    const { size } = await file.stat()
    const head = Buffer.alloc(Math.min(size, LENGTH_BYTES))
    await readAll(file, head, 0, name)
    const headerBytes = headerLength(head, size, name)
    const start = Buffer.alloc(LENGTH_BYTES + headerBytes)
    await readAll(file, start, 0, name)
    return parseHeader(start, size, name)
  } finally {
    await file.close()
  }
}

/** The system gives at most so much at a time, and Node.js refuses to ask for more. */
const MOST_AT_ONCE = 2 ** 30

/** Fills `bytes` from a place in a file. Throws `EngineError` (`bad-file`) where the file ends before. */
export async function readAll(
  file: FileHandle,
  bytes: Uint8Array,
  offset: number,
  name: string,
): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const wanted = Math.min(bytes.length - done, MOST_AT_ONCE)
    const { bytesRead } = await file.read(bytes, done, wanted, offset + done)
    if (bytesRead === 0) throw bad(name, `it ends before byte ${offset + bytes.length}`)
    done += bytesRead
  }
}

/**
 * Checks a header. `bytes` begins with the file's beginning and reaches at least to the header's end; `name` is for
 * messages. Throws `EngineError` (`bad-file`).
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number, name: string): SafetensorsHeader {
  const headerBytes = headerLength(bytes, fileBytes, name)
  const dataStart = LENGTH_BYTES + headerBytes
  const json = parseJson(bytes.subarray(LENGTH_BYTES, dataStart), name)
  const tensors = new Map<string, TensorPlace>()
  let metadata: Record<string, string> = {}
  for (const [key, value] of Object.entries(json)) {
    if (key === '__metadata__') metadata = check(Metadata, value, name, key)
    else tensors.set(key, place(check(Entry, value, name, key), dataStart, name, key))
  }
  checkCoverage(tensors, dataStart, fileBytes, name)
  return { tensors, metadata }
}

function headerLength(bytes: Uint8Array, fileBytes: number, name: string): number {
  if (fileBytes < LENGTH_BYTES || bytes.length < LENGTH_BYTES) {
    throw bad(name, `it has ${fileBytes} bytes, fewer than the ${LENGTH_BYTES} of a header length`)
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES) || length > BigInt(fileBytes - LENGTH_BYTES)) {
    throw bad(name, `it claims a header of ${length} bytes in a file of ${fileBytes}`)
  }
  return Number(length)
}

function parseJson(bytes: Uint8Array, name: string): object {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json
  } catch (cause) {
    throw bad(name, 'its header is no JSON', cause)
  }
  throw bad(name, 'its header is no JSON object')
}

function check<T>(schema: z.ZodType<T>, value: unknown, name: string, key: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw bad(name, `header entry ${key}: ${issue.path.join('.')}: ${issue.message}`)
}

function place(
  entry: z.output<typeof Entry>,
  dataStart: number,
  name: string,
  key: string,
): TensorPlace {
  const [start, end] = entry.data_offsets
  const lengthBytes = entry.shape.reduce((n, size) => n * size, DTYPES[entry.dtype].sizeBytes)
  if (end - start !== lengthBytes) {
    throw bad(
      name,
      `${key} of shape [${entry.shape}] ${entry.dtype} cannot take ${end - start} bytes`,
    )
  }
  return { dtype: entry.dtype, shape: entry.shape, offsetBytes: dataStart + start, lengthBytes }
}

/** The tensors must lie end to end, from the header's end to the file's. */
function checkCoverage(
  tensors: ReadonlyMap<string, TensorPlace>,
  dataStart: number,
  fileBytes: number,
  name: string,
): void {
  let reached = dataStart
  const ordered = [...tensors].sort(
    ([, a], [, b]) => a.offsetBytes - b.offsetBytes || a.lengthBytes - b.lengthBytes,
  )
  for (const [key, { offsetBytes, lengthBytes }] of ordered) {
    if (offsetBytes !== reached) {
      throw bad(
        name,
        `${key} begins at byte ${offsetBytes}, but what is before it ends at ${reached}`,
      )
    }
    reached += lengthBytes
  }
  if (reached !== fileBytes) {
    throw bad(name, `its tensors end at byte ${reached} of ${fileBytes}; it may be truncated`)
  }
}

function bad(name: string, reason: string, cause?: unknown): EngineError {
  return new EngineError('bad-file', `${name} is no valid safetensors file: ${reason}`, { cause })
}

/** A tensor to be written. */
export interface NamedTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Little-endian, row by row. */
  readonly bytes: Uint8Array
}

/** The bytes of a file with these tensors, in this order. */
export function writeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sized = tensors.map((tensor) => ({ ...tensor, lengthBytes: tensor.bytes.length }))
  return concat(headerOf(sized, metadata), ...tensors.map(({ bytes }) => bytes))
}

/** A tensor that is read when it is its turn to be written. */
export interface TensorSource extends Omit<NamedTensor, 'bytes'> {
  readonly lengthBytes: number
  read(): Promise<Uint8Array>
}

/** The same to a file, one tensor in memory at a time. */
export async function writeSafetensorsFile(
  path: string,
  tensors: readonly TensorSource[],
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(headerOf(tensors, { format: 'pt' }))
    for (const [done, tensor] of tensors.entries()) {
      onProgress(done, tensors.length)
      await file.writeFile(await tensor.read())
    }
  } finally {
    await file.close()
  }
}

/** The file's beginning, up to the first tensor. */
function headerOf(
  tensors: readonly (Omit<NamedTensor, 'bytes'> & { readonly lengthBytes: number })[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const { name, dtype, shape, lengthBytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + lengthBytes] }
    offset += lengthBytes
  }
  // Spaces bring the first tensor to a multiple of 8, as the reference writer does.
  const json = utf8(JSON.stringify(header))
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20)
  padded.set(json)
  const length = new Uint8Array(LENGTH_BYTES)
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true)
  return concat(length, padded)
}
