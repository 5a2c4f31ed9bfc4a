/**
 * Adapters by name, for whoever serves: in memory up to a limit, behind that on disk, behind that wherever the caller gets
 * them. What is in use is pinned; of the rest the one used longest ago goes first. All of it happens in the caller's
 * thread, so texts under way in the engine's never wait for a disk or a network.
 */
import { EngineError } from '../errors.ts'
import type { ModelConfig } from '../families/model-config.ts'
import type { Adapter } from '../files/adapters.ts'
import { loraLayout, turnForServing } from '../lora.ts'
import type { ServedAdapter } from '../requests.ts'
import { AdapterFolder, type PlacedAdapter } from './adapter-folder.ts'
import { AdapterMemory } from './adapter-memory.ts'

export interface AdapterLimits {
  /** Bytes of adapters in memory, those in use included. */
  readonly memoryBytes: number
  /** Where adapters lie that left the memory; without it they are loaded again. */
  readonly folder?: string
  readonly folderBytes: number
}

/** An adapter by name. The name stands for the content: another content needs another name. */
export interface AdapterReference {
  readonly id: string
  /** Gets it from afar where it is neither in memory nor on disk; asked once, however many wait for it. */
  readonly load?: () => Promise<Adapter>
}

/** A base model that adapters are asked for. */
export interface AdapterBase {
  readonly directory: string
  readonly config: ModelConfig
}

/** An adapter that stays in memory until it is disposed of. */
export interface Lease extends Disposable {
  readonly adapter: ServedAdapter
}

/** How often an adapter was found where. */
export interface AdapterCounts {
  memory: number
  disk: number
  loaded: number
  /** Files that were not what had been written. */
  corrupt: number
  /** Adapters that the disk did not take. */
  unwritten: number
}

interface Entry extends PlacedAdapter {
  pins: number
}

export class AdapterStore {
  readonly counts: AdapterCounts = { memory: 0, disk: 0, loaded: 0, corrupt: 0, unwritten: 0 }
  readonly #limitBytes: number
  readonly #folder: AdapterFolder | undefined
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #fetching = new Map<string, Promise<void>>()
  readonly #memory: AdapterMemory
  /** Called when a pin goes. */
  #waiting: (() => void)[] = []

  constructor({ memoryBytes, folder, folderBytes }: AdapterLimits) {
    this.#limitBytes = memoryBytes
    this.#memory = new AdapterMemory(memoryBytes)
    this.#folder = folder === undefined ? undefined : new AdapterFolder(folder, folderBytes)
  }

  get usedBytes(): number {
    return this.#memory.heldBytes
  }

  /**
   * Throws `bad-adapter` (unknown, of another base model, of another size), `over-budget`, `aborted`, and whatever the
   * caller's `load` throws.
   */
  async acquire(
    base: AdapterBase,
    reference: AdapterReference,
    signal?: AbortSignal,
  ): Promise<Lease> {
    const { id } = reference
    let fetched = false
    for (;;) {
      if (signal?.aborted) throw aborted()
      const entry = this.#entries.get(id)
      if (entry !== undefined) {
        if (!fetched) this.counts.memory++
        return this.#lease(entry, base)
      }
      fetched = true
      await orAborted(this.#fetch(base, reference), signal)
    }
  }

  #lease(entry: Entry, { directory }: AdapterBase): Lease {
    const { adapter } = entry
    const id = adapter.id!
    if (entry.directory !== directory) {
      const reason = `adapter ${id} is for the base model in ${entry.directory}, not in ${directory}`
      throw new EngineError('bad-adapter', reason)
    }
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    entry.pins++
    let released = false
    return {
      adapter,
      [Symbol.dispose]: () => {
        if (released) return
        released = true
        entry.pins--
        this.#wake()
      },
    }
  }

  #fetch(base: AdapterBase, reference: AdapterReference): Promise<void> {
    const { id } = reference
    const under = this.#fetching.get(id)
    if (under !== undefined) return under
    const fetching = this.#find(base, reference)
      .then((found) => void this.#entries.set(id, { ...found, pins: 0 }))
      .finally(() => this.#fetching.delete(id))
    this.#fetching.set(id, fetching)
    return fetching
  }

  async #find(base: AdapterBase, { id, load }: AdapterReference): Promise<PlacedAdapter> {
    const stored = await this.#stored(id, load !== undefined)
    if (stored !== undefined) {
      this.counts.disk++
      return stored
    }
    if (load === undefined) {
      throw new EngineError('bad-adapter', `adapter ${id} is not known here; say where to load it`)
    }
    const { lora, theta } = await load()
    const layout = loraLayout(base.config, lora)
    const found = await this.#filled(id, 4 * layout.size, async (memory) => {
      const data = await turnForServing(layout, theta, memory)
      return { adapter: { id, lora, data }, directory: base.directory }
    })
    this.counts.loaded++
    // The disk only saves time: without it the adapter is loaded once more.
    await this.#folder?.write(found).catch(() => this.counts.unwritten++)
    return found
  }

  /** A file that is not what was written is as good as none, where the adapter can be loaded again. */
  async #stored(id: string, replaceable: boolean): Promise<PlacedAdapter | undefined> {
    try {
      const file = await this.#folder?.find(id)
      return file && (await this.#filled(id, file.bytes, file.read))
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'bad-file')) throw error
      this.counts.corrupt++
      await this.#folder?.forget(id)
      if (replaceable) return undefined
      throw error
    }
  }

  /** Fills memory that becomes free again where that fails. */
  async #filled<T>(
    id: string,
    bytes: number,
    fill: (memory: SharedArrayBuffer) => Promise<T>,
  ): Promise<T> {
    const memory = await this.#makeRoom(id, bytes)
    try {
      return await fill(memory)
    } catch (error) {
      this.#memory.giveBack(memory)
      this.#wake()
      throw error
    }
  }

  /** Drops what nobody uses until there is room, and waits for a pin to go where all are in use. */
  async #makeRoom(id: string, bytes: number): Promise<SharedArrayBuffer> {
    if (bytes > this.#limitBytes) {
      const limit = `adapters may take ${this.#limitBytes}`
      throw new EngineError('over-budget', `adapter ${id} takes ${bytes} bytes, but ${limit}`)
    }
    for (;;) {
      const memory = this.#memory.take(bytes)
      if (memory !== undefined) return memory
      const idle = [...this.#entries].find(([, { pins }]) => pins === 0)
      if (idle === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve))
      else {
        const [oldest, { adapter }] = idle
        this.#entries.delete(oldest)
        // Whoever used it has answered, so the engine's thread reads it no more.
        if (adapter.data.buffer instanceof SharedArrayBuffer) {
          this.#memory.giveBack(adapter.data.buffer)
        }
      }
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** The promise goes on for whoever else waits for it. */
async function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise
  const { promise: never, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(aborted())
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([promise, never])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function aborted(): EngineError {
  return new EngineError('aborted', 'the caller cancelled this call while its adapter came')
}
