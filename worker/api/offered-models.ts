/** Base models in folders of a node's owner, put where others find them; a gateway takes orders for them. */
import { existsSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import { type Cid, cid } from '../../protocol/fields.ts'
import { writeWhole } from '../chain/files.ts'
import { ConfigError } from '../config/load.ts'
import { EngineError } from '../engine/errors.ts'
import { modelFiles, openBaseModel } from '../engine/files/base-model.ts'
import { type ChatTemplate, openChatTemplate } from '../engine/files/chat-template.ts'
import { openTokenizer, type Tokenizer } from '../engine/files/tokenizer.ts'
import type { Content } from '../storage/content.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface StoredModel {
  readonly cid: Cid
  readonly folder: string
  /** The folder's. */
  readonly name: string
  readonly contextTokens: number
  /** When the last of its files was written. */
  readonly createdMs: number
}

/** What a gateway needs besides, to count tokens and to show them. */
export interface OfferedModel extends StoredModel {
  readonly tokenizer: Tokenizer
  /** Where the model has one. */
  readonly chat: ChatTemplate | undefined
}

/** What was put into the content store in an earlier life: a folder that is as it was then need not be read again. */
const Stored = z.record(
  z.string(),
  z.object({ cid, files: z.record(z.string(), z.tuple([z.number(), z.number()])) }),
)
type Stored = z.output<typeof Stored>

const FILE = 'offered-models.json'
const TOLD_EVERY_MS = 10_000

/** @throws ConfigError where a folder holds no base model that the engine can run, or two have one name */
export async function storeModels(
  folders: readonly string[],
  dataFolder: string,
  content: Content,
  log: Logger,
): Promise<StoredModel[]> {
  const file = join(dataFolder, FILE)
  const stored = readStored(file)
  const models: StoredModel[] = []
  let isNew = false
  for (const folder of new Set(folders.map((one) => resolve(one)))) {
    const name = basename(folder)
    if (models.some((other) => other.name === name)) {
      throw new ConfigError(`models: two folders are named ${name}; rename one of them.`)
    }
    const { contextTokens } = await checked(folder)
    const names = await modelFiles(folder)
    const files = await figuresOf(folder, names)
    const before = stored[folder]
    const isKnown = before && JSON.stringify(before.files) === JSON.stringify(files)
    const id = isKnown ? before.cid : await store(folder, names, content, log)
    stored[folder] = { cid: id, files }
    isNew ||= !isKnown
    const createdMs = Math.max(...Object.values(files).map(([, changedMs]) => changedMs))
    models.push({ cid: id, folder, name, contextTokens, createdMs })
  }
  if (isNew) await writeWhole(file, JSON.stringify(stored))
  return models
}

export function openModels(models: readonly StoredModel[], log: Logger): Promise<OfferedModel[]> {
  return Promise.all(
    models.map(async (model) => {
      const tokenizer = await openTokenizer(model.folder)
      return { ...model, tokenizer, chat: await chatOf(model, log) }
    }),
  )
}

/** A model whose chat template cannot be used still goes on with texts. */
async function chatOf({ folder, name }: StoredModel, log: Logger) {
  try {
    return await openChatTemplate(folder)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    log.warn({ model: name, error: error.message }, 'model answers no conversations')
    return undefined
  }
}

async function checked(folder: string): Promise<{ readonly contextTokens: number }> {
  try {
    return (await openBaseModel(folder)).config
  } catch (cause) {
    const { message } = cause as Error
    if (!(cause instanceof EngineError)) throw cause
    throw new ConfigError(`models: ${folder} holds no base model that can be run: ${message}.`, {
      cause,
    })
  }
}

/** Size in bytes and time of the last change, in ms, of each. */
async function figuresOf(folder: string, names: readonly string[]) {
  const files: Stored[string]['files'] = {}
  for (const name of names) {
    const { size, mtimeMs } = await stat(join(folder, name))
    files[name] = [size, mtimeMs]
  }
  return files
}

async function store(
  folder: string,
  names: readonly string[],
  content: Content,
  log: Logger,
): Promise<Cid> {
  let toldAtMs = performance.now()
  const id = await content.putFolder(folder, names, (bytes) => {
    if (performance.now() - toldAtMs < TOLD_EVERY_MS) return
    toldAtMs = performance.now()
    log.info({ model: folder, mebibytes: Math.round(bytes / 2 ** 20) }, 'model is being stored')
  })
  log.info({ model: folder, cid: id }, 'model is stored for others')
  return id
}

/** A file that cannot be read is as good as none: the folders are read again. */
function readStored(file: string): Stored {
  if (!existsSync(file)) return {}
  try {
    return Stored.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return {}
  }
}
