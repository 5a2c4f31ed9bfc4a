/**
 * What follows from published bytes and takes long to work out: on this disk once it has been, so that it comes back at the cost
 * of reading it, also after a restart.
 */
import { subtle } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Deserializer, Serializer } from 'node:v8'
import { BoundedFolder } from '../bounded-folder.ts'
import type { Logger } from '../telemetry/logger.ts'

const HASH_BYTES = 32

export interface DerivedOptions {
  readonly limitBytes: number
  readonly log: Logger
}

interface Stored {
  readonly id: string
  readonly value: unknown
}

export class Derived {
  readonly #files: BoundedFolder
  readonly #log: Logger

  constructor(folder: string, { limitBytes, log }: DerivedOptions) {
    this.#files = new BoundedFolder(folder, { suffix: '.derived', limitBytes })
    this.#log = log
  }

  /**
   * What was kept under this id, or what `make` makes, which is then kept. The id names all that it follows from, and the rules
   * by which it does. A disk that fails or has altered a file costs time, and nothing else.
   */
  async of<T>(id: string, make: () => Promise<T>): Promise<T> {
    const held = await this.#read(id).catch((error: Error) => this.#tell(error))
    if (held) return held.value as T
    const value = await make()
    await this.#write({ id, value }).catch((error: Error) => this.#tell(error))
    return value
  }

  async #read(id: string): Promise<Stored | undefined> {
    const path = await this.#files.find(id)
    if (path === undefined) return undefined
    const bytes = await readFile(path)
    const content = bytes.subarray(HASH_BYTES)
    const whole = bytes.subarray(0, HASH_BYTES).equals(await hashOf(content))
    const stored = whole ? decode(content) : undefined
    if (stored?.id === id) return stored
    await this.#files.forget(id)
    throw new Error(`${path} is not what was written, so it is worked out again`)
  }

  async #write(stored: Stored): Promise<void> {
    const content = encode(stored)
    await this.#files.write(stored.id, Buffer.concat([await hashOf(content), content]))
  }

  #tell(error: Error): undefined {
    this.#log.warn({ error: error.message }, 'what was worked out before is of no use')
  }
}

/** Arrays in memory of their own: what `v8.deserialize` gives would keep the whole file. */
function encode(stored: Stored): Buffer<ArrayBuffer> {
  const serializer = new Serializer()
  serializer.writeHeader()
  serializer.writeValue(stored)
  return serializer.releaseBuffer()
}

function decode(content: Buffer): Stored {
  const deserializer = new Deserializer(content)
  deserializer.readHeader()
  return deserializer.readValue() as Stored
}

/** Against a failing disk and a torn write; nobody else writes here. */
async function hashOf(content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await subtle.digest('SHA-256', content))
}
