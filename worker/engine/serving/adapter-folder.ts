/**
 * Adapters on disk, turned for serving (lora.ts), so that one that left the memory comes back at the cost of reading it. Each
 * is a safetensors file that says what it is; the folder is bounded, and whoever was used longest ago goes first.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { LoraSpec } from '../../../protocol/tuning.ts'
import { BoundedFolder } from '../../bounded-folder.ts'
import { EngineError } from '../errors.ts'
import { readAll, readHeader, writeSafetensors } from '../files/safetensors.ts'
import type { ServedAdapter } from '../requests.ts'

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
  readonly #files: BoundedFolder

  constructor(folder: string, limitBytes: number) {
    this.#files = new BoundedFolder(folder, { suffix: '.safetensors', limitBytes })
  }

  /** Undefined where it is not here. Throws `bad-file` where the file is not what was written. */
  async find(id: string): Promise<StoredAdapter | undefined> {
    const path = await this.#files.find(id)
    return path === undefined ? undefined : openStored(path, id)
  }

  /** Removes a file that is of no use. */
  forget(id: string): Promise<void> {
    return this.#files.forget(id)
  }

  /** Keeps an adapter; one that is larger than the whole folder may be is left out. */
  write({ adapter, directory }: PlacedAdapter): Promise<void> {
    const { id = '', lora, data } = adapter
    const values = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const metadata = { id, directory, lora: JSON.stringify(lora), sha256: digest(values) }
    const tensor = { name: TENSOR, dtype: 'F32', shape: [data.length], bytes: values } as const
    return this.#files.write(id, writeSafetensors([tensor], metadata))
  }
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
