/** A base model's directory: config.json, the weights in one file or several, tokenizer.json, as Hugging Face lays them out. */
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { EngineError } from '../errors.ts'
import { familyOf, parseConfig } from '../families/known.ts'
import type { ModelConfig } from '../families/model-config.ts'
import type { ExternalTensor } from '../graph/onnx.ts'
import { outputTable, packedTensors, tensorShapes } from '../graph/transformer.ts'
import { TEMPLATE_FILE } from './chat-template.ts'
import { float32From } from './half.ts'
import { dtypeOf, elementType, readAll, readHeader, type TensorPlace } from './safetensors.ts'

const WEIGHTS_FILE = 'model.safetensors'
const INDEX_FILE = 'model.safetensors.index.json'
const CONFIG_FILE = 'config.json'
const TOKENIZER_FILE = 'tokenizer.json'
/** Which tokens end what the model writes. */
export const OPTIONAL_FILES = [TEMPLATE_FILE, 'generation_config.json', 'tokenizer_config.json']

export interface BaseModel {
  readonly config: ModelConfig
  readonly parameterCount: number
  /** By tensor name; files' names are relative, so graphs do not depend on where the directory lies. */
  readonly places: ReadonlyMap<string, ExternalTensor>
}

/** Reads and checks all but the weights themselves; throws `EngineError` (`bad-file`, `unsupported-model`). */
export async function openBaseModel(directory: string): Promise<BaseModel> {
  const config = await readConfig(directory)
  const stored = await storedTensors(directory)
  const places = new Map<string, ExternalTensor>()
  const packed = packedTensors(config)
  let parameterCount = 0
  for (const [name, shape] of tensorShapes(config)) {
    const { file, offsetBytes, lengthBytes, ...tensor } = find(stored, name)
    if (tensor.shape.join() !== shape.join()) {
      throw bad(`${file}: ${name} is [${tensor.shape}], but config.json asks for [${shape}]`)
    }
    const type = elementType(tensor.dtype)
    const integers = packed.has(name)
    if (type === undefined || (type === 'uint8') !== integers) {
      const wanted = integers ? 'U8' : 'F32, F16 or BF16'
      throw bad(`${file}: ${name} is ${tensor.dtype}; it must be ${wanted}`)
    }
    places.set(name, { file, type, shape, offsetBytes, lengthBytes })
    const perNumber = integers ? 8 / config.packing!.bits : 1
    if (!name.endsWith('.scales')) {
      parameterCount += shape.reduce((product, size) => product * size, perNumber)
    }
  }
  if (config.tied) await checkTied(directory, config, stored)
  checkTokenizer(await readJson(directory, TOKENIZER_FILE), config)
  return { config, parameterCount, places }
}

/** What config.json says; throws as `openBaseModel` does. */
export async function readConfig(directory: string): Promise<ModelConfig> {
  return parseConfig(await readJson(directory, CONFIG_FILE))
}

interface StoredTensor extends TensorPlace {
  readonly file: string
}

/**
 * The first weight that is no number, for telling why nothing finite comes out: reading all of them at each start would take
 * as long as loading them.
 */
export async function brokenWeight(
  directory: string,
  { places }: BaseModel,
): Promise<string | undefined> {
  for (const [name, place] of places) {
    if (place.type === 'uint8') continue
    const values = await readFloats(directory, place)
    const index = values.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) return `${place.file}: ${name} holds ${values[index]} at ${index}`
  }
  return undefined
}

/** The bytes of one tensor. */
export async function readPlace(directory: string, place: ExternalTensor): Promise<Uint8Array> {
  const file = await open(join(directory, place.file))
  try {
    const bytes = new Uint8Array(place.lengthBytes)
    await readAll(file, bytes, place.offsetBytes, place.file)
    return bytes
  } finally {
    await file.close()
  }
}

/** A tensor's values; its type must be one of floats. */
export async function readFloats(directory: string, place: ExternalTensor): Promise<Float32Array> {
  return float32From(await readPlace(directory, place), dtypeOf(place.type))
}

/** Checkpoints saved from the bare decoder, as GPT-2's own are, leave out the name of the part that it is. */
function find(stored: ReadonlyMap<string, StoredTensor>, name: string): StoredTensor {
  const tensor = stored.get(name) ?? stored.get(name.slice(name.indexOf('.') + 1))
  if (tensor === undefined) throw bad(`the weights have no tensor ${name}`)
  return tensor
}

const COMPARED_BYTES = 2 ** 22

/** Where files hold an output table beside the one it is tied to, libraries take now the one, now the other. */
async function checkTied(
  directory: string,
  config: ModelConfig,
  stored: ReadonlyMap<string, StoredTensor>,
): Promise<void> {
  const name = `${familyOf(config).output}.weight`
  const output = stored.get(name)
  if (output === undefined) return
  const table = find(stored, outputTable(config))
  const tables = [output, table] as const
  const files = await Promise.all(tables.map(({ file }) => open(join(directory, file))))
  try {
    let differ = output.dtype !== table.dtype || output.lengthBytes !== table.lengthBytes
    for (let start = 0; !differ && start < table.lengthBytes; start += COMPARED_BYTES) {
      const length = Math.min(COMPARED_BYTES, table.lengthBytes - start)
      const parts = [Buffer.alloc(length), Buffer.alloc(length)] as const
      for (const [index, { file, offsetBytes }] of tables.entries()) {
        await readAll(files[index]!, parts[index]!, offsetBytes + start, file)
      }
      differ = !parts[0].equals(parts[1])
    }
    if (!differ) return
    const other = `${output.file}: ${name} is another table than ${outputTable(config)}`
    throw bad(`${other}, but tie_word_embeddings in config.json makes them one`)
  } finally {
    for (const file of files) await file.close()
  }
}

/** Names of the files that make a base model, ascending; throws as `openBaseModel` does. */
export async function modelFiles(directory: string): Promise<string[]> {
  const index = await shardsOf(directory)
  const weights = index ? [INDEX_FILE, ...new Set(Object.values(index))] : [WEIGHTS_FILE]
  const names = [CONFIG_FILE, TOKENIZER_FILE, ...weights]
  for (const name of OPTIONAL_FILES) if (await isThere(directory, name)) names.push(name)
  return names.sort()
}

async function isThere(directory: string, name: string): Promise<boolean> {
  return (await stat(join(directory, name)).catch(() => undefined)) !== undefined
}

/** The file of each tensor, where the weights lie in several. */
async function shardsOf(directory: string): Promise<Record<string, string> | undefined> {
  const isWhole = await isThere(directory, WEIGHTS_FILE)
  return !isWhole && (await isThere(directory, INDEX_FILE)) ? readIndex(directory) : undefined
}

/** Every tensor with the file that it lies in: one file, or those that an index names. */
async function storedTensors(directory: string): Promise<Map<string, StoredTensor>> {
  const index = await shardsOf(directory)
  const files = index ? new Set(Object.values(index)) : [WEIGHTS_FILE]
  const stored = new Map<string, StoredTensor>()
  for (const file of files) {
    const { tensors } = await readHeader(join(directory, file))
    for (const [name, tensor] of tensors) {
      if (index === undefined || index[name] === file) stored.set(name, { file, ...tensor })
    }
  }
  for (const [name, file] of Object.entries(index ?? {})) {
    if (!stored.has(name))
      throw bad(`${INDEX_FILE} says that ${name} is in ${file}, where it is not`)
  }
  return stored
}

/** File names come from strangers: only names beside the index, of no more files than any model has. */
const WeightMap = z.record(
  z.string().max(500),
  z.string().regex(/^[A-Za-z0-9][\w.-]{0,200}\.safetensors$/, {
    message: 'must be the name of a .safetensors file beside the index',
  }),
)
const MAX_SHARDS = 1000

async function readIndex(directory: string): Promise<Record<string, string>> {
  const json = await readJson(directory, INDEX_FILE)
  const parsed = z.object({ weight_map: WeightMap }).safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw bad(`${INDEX_FILE}: ${issue.path.join('.')}: ${issue.message}`)
  }
  const { weight_map: map } = parsed.data
  const count = new Set(Object.values(map)).size
  if (count > MAX_SHARDS) throw bad(`${INDEX_FILE} names ${count} files, over ${MAX_SHARDS}`)
  return map
}

const token = z.number().int().min(0)
const Vocabulary = z.object({
  model: z.object({
    // Unigram models list their tokens in the order of their numbers.
    vocab: z.record(z.string(), token).or(z.array(z.unknown())),
  }),
  added_tokens: z.array(z.object({ id: token })).nullish(),
})

/** A tokenizer may know fewer tokens than the table has rows (padding), never more. */
function checkTokenizer(json: unknown, { vocabSize }: ModelConfig): void {
  const parsed = Vocabulary.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw bad(`${TOKENIZER_FILE}: ${issue.path.join('.')}: ${issue.message}`)
  }
  const { model, added_tokens: added } = parsed.data
  const ids = Array.isArray(model.vocab) ? model.vocab.keys() : Object.values(model.vocab)
  const highest = [...ids, ...(added ?? []).map(({ id }) => id)].reduce(
    (max, id) => Math.max(max, id),
    0,
  )
  if (highest >= vocabSize) {
    throw bad(`${TOKENIZER_FILE} has token ${highest}, but vocab_size is ${vocabSize}`)
  }
}

async function readJson(directory: string, name: string): Promise<unknown> {
  const text = await readFile(join(directory, name), 'utf8').catch((cause: unknown) => {
    throw bad(`there is no ${name} in ${directory}`, cause)
  })
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null) return json
  } catch (cause) {
    throw bad(`${name} cannot be read as JSON`, cause)
  }
  throw bad(`${name} holds no JSON object`)
}

function bad(reason: string, cause?: unknown): EngineError {
  return new EngineError('bad-file', `the base model cannot be opened: ${reason}`, { cause })
}
