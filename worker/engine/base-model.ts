/** A base model's directory: config.json, model.safetensors, tokenizer.json, as Hugging Face lays them out. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from './errors.ts'
import { parseConfig } from './families.ts'
import type { ModelConfig } from './model-config.ts'
import type { ExternalTensor } from './onnx.ts'
import { elementType, readHeader } from './safetensors.ts'
import { tensorShapes } from './transformer.ts'

const WEIGHTS_FILE = 'model.safetensors'
const CONFIG_FILE = 'config.json'
const TOKENIZER_FILE = 'tokenizer.json'

export interface BaseModel {
  readonly config: ModelConfig
  readonly parameterCount: number
  /** By tensor name; the file's name is relative, so graphs do not depend on where the directory lies. */
  readonly places: ReadonlyMap<string, ExternalTensor>
}

/** Reads and checks all but the weights themselves; throws `EngineError` (`bad-file`, `unsupported-model`). */
export async function openBaseModel(directory: string): Promise<BaseModel> {
  const config = parseConfig(await readJson(directory, CONFIG_FILE))
  const header = await readHeader(join(directory, WEIGHTS_FILE))
  const places = new Map<string, ExternalTensor>()
  let parameterCount = 0
  for (const [name, shape] of tensorShapes(config)) {
    const tensor = header.tensors.get(name)
    if (tensor === undefined) throw bad(`${WEIGHTS_FILE} has no tensor ${name}`)
    if (tensor.shape.join() !== shape.join()) {
      throw bad(
        `${WEIGHTS_FILE}: ${name} is [${tensor.shape}], but config.json asks for [${shape}]`,
      )
    }
    const { dtype, offsetBytes, lengthBytes } = tensor
    const type = elementType(dtype)
    places.set(name, { file: WEIGHTS_FILE, type, shape, offsetBytes, lengthBytes })
    parameterCount += shape.reduce((product, size) => product * size, 1)
  }
  checkTokenizer(await readJson(directory, TOKENIZER_FILE), config)
  return { config, parameterCount, places }
}

/** A tokenizer may know fewer tokens than the table has rows (padding), never more. */
function checkTokenizer(json: unknown, config: ModelConfig): void {
  const { model, added_tokens: added } = json as {
    model?: { vocab?: Record<string, number> }
    added_tokens?: { id: number }[]
  }
  if (typeof model?.vocab !== 'object') throw bad(`${TOKENIZER_FILE} has no model.vocab`)
  const ids = [...Object.values(model.vocab), ...(added ?? []).map(({ id }) => id)]
  const highest = ids.reduce((max, id) => Math.max(max, id), 0)
  if (highest >= config.vocabSize) {
    throw bad(`${TOKENIZER_FILE} has token ${highest}, but vocab_size is ${config.vocabSize}`)
  }
}

async function readJson(directory: string, name: string): Promise<unknown> {
  try {
    const json: unknown = JSON.parse(await readFile(join(directory, name), 'utf8'))
    if (typeof json === 'object' && json !== null) return json
  } catch (cause) {
    throw bad(`${name} cannot be read as JSON`, cause)
  }
  throw bad(`${name} holds no JSON object`)
}

function bad(reason: string, cause?: unknown): EngineError {
  return new EngineError('bad-file', `the base model cannot be opened: ${reason}`, { cause })
}
