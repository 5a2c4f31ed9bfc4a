/**
 * Adapters on disk, turned for serving (lora.ts), so that one that left the memory comes back at the cost of reading it. Each
 * is a safetensors file that says what it is; the folder is bounded, and whoever was used longest ago goes first.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LoraSpec } from '../../../protocol/tuning.ts'
import { EngineError } from '../errors.ts'
import { readAll, readHeader, writeSafetensors } from '../files/safetensors.ts'
import type { ServedAdapter } from '../requests.ts'

const SUFFIX = '.safetensors'
const TENSOR = 'adapter'

/** An adapter, and the directory of the base model that it belongs to. */
export interface PlacedAdapter {
  readonly adapter: ServedAdapter
  readonly directory: string
}

/** An adapter's file whose header has been read. */
interface StoredAdapter {
  readonly bytes: number
  /** Reads it into memory of at least as many bytes. Throws `bad-file` where the numbers are not those written. */
  read(memory: SharedArrayBuffer): Promise<PlacedAdapter>
}

export class AdapterFolder {
  readonly #folder: string
  readonly #limitBytes: number
  /** Bytes of each file by name, least recently used first. */
  #files: Promise<Map<string, number>> | undefined
  #writes = 0

  constructor(folder: string, limitBytes: number) {
    this.#folder = folder
    this.#limitBytes = limitBytes
  }

  /** Undefined where it is not here. Throws `bad-file` where the file is not what was written. */
  async find(id: string): Promise<StoredAdapter | undefined> {
    const files = await this.#scan()
    const name = fileName(id)
    const path = join(this.#folder, name)
    const bytes = files.get(name)
    if (bytes === undefined) return undefined
    files.delete(name)
    files.set(name, bytes)
    // The order outlives the process by the files' times. A folder that cannot be written is of use all the same.
    await utimes(path, new Date(), new Date()).catch(() => {})
    return openStored(path, id)
  }

  /** Removes a file that is of no use. */
  async forget(id: string): Promise<void> {
    const files = await this.#scan()
    files.delete(fileName(id))
    await rm(join(this.#folder, fileName(id)), { force: true })
  }

  /** Keeps an adapter; one that is larger than the whole folder may be is left out. */
  async write({ adapter, directory }: PlacedAdapter): Promise<void> {
    const { id = '', lora, data } = adapter
    const values = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const metadata = { id, directory, lora: JSON.stringify(lora), sha256: digest(values) }
    const tensor = { name: TENSOR, dtype: 'F32', shape: [data.length], bytes: values } as const
    const bytes = writeSafetensors([tensor], metadata)
    const files = await this.#scan()
    if (bytes.length > this.#limitBytes) return
    const name = fileName(id)
    files.delete(name)
    const used = (): number => [...files.values()].reduce((sum, size) => sum + size, 0)
    while (used() + bytes.length > this.#limitBytes) {
      const oldest = files.keys().next().value!
      files.delete(oldest)
      await rm(join(this.#folder, oldest), { force: true })
    }
    files.set(name, bytes.length)
    const fresh = join(this.#folder, `${name}.${this.#writes++}.part`)
    await writeFile(fresh, bytes)
    await rename(fresh, join(this.#folder, name))
  }

  #scan(): Promise<Map<string, number>> {
    this.#files ??= scan(this.#folder)
    return this.#files
  }
}

function fileName(id: string): string {
  return createHash('sha256').update(id).digest('hex') + SUFFIX
}

/** What lies in the folder, least recently used first; the leavings of a write that was cut off are removed. */
async function scan(folder: string): Promise<Map<string, number>> {
  await mkdir(folder, { recursive: true })
  const names = await readdir(folder)
  for (const name of names.filter((one) => one.endsWith('.part'))) await rm(join(folder, name))
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith(SUFFIX))
      .map(async (name) => ({ name, ...(await sizeAndTime(join(folder, name))) })),
  )
  return new Map(found.sort((a, b) => a.timeMs - b.timeMs).map(({ name, bytes }) => [name, bytes]))
}

async function sizeAndTime(path: string): Promise<{ bytes: number; timeMs: number }> {
  const { size, mtimeMs } = await stat(path)
  return { bytes: size, timeMs: mtimeMs }
}

async function openStored(path: string, id: string): Promise<StoredAdapter> {
  const { tensors, metadata } = await readHeader(path)
  const tensor = tensors.get(TENSOR)
  const lora = LoraSpec.safeParse(JSON.parse(metadata['lora'] ?? 'null'))
  if (tensor?.dtype !== 'F32' || metadata['id'] !== id || !lora.success) {
    throw bad(id, 'it holds something else')
  }
  const { lengthBytes, offsetBytes } = tensor
  return {
    bytes: lengthBytes,
    async read(memory) {
      const values = new Uint8Array(memory, 0, lengthBytes)
      const file = await open(path)
      try {
        await readAll(file, values, offsetBytes, id)
      } finally {
        await file.close()
      }
      if (digest(values) !== metadata['sha256']) throw bad(id, 'its numbers are not those written')
      const adapter = { id, lora: lora.data, data: new Float32Array(memory, 0, lengthBytes / 4) }
      return { adapter, directory: metadata['directory'] ?? '' }
    },
  }
}

/** Against a failing disk and a torn write; nobody else writes here. */
function digest(values: Uint8Array): string {
  return createHash('sha256').update(values).digest('hex')
}

function bad(id: string, reason: string): EngineError {
  return new EngineError('bad-file', `the stored file of adapter ${id} cannot be used: ${reason}`)
}
