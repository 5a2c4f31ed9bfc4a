/**
 * Where blocks lie on disk. What this node answers for lies in one folder and stays; what can be had from others, or will not
 * be asked for any more one day, lies in another, from which whatever was not used for longest goes first when that is full.
 * There a file's modification time says when it was last used, or until when it stays in any case.
 * A power cut may leave a block's file torn or empty under its final name: what is read is compared with its content id, and
 * where it is something else it is not here.
 */
import { readdir, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FsBlockstore } from 'blockstore-fs'
import { NextToLast } from 'blockstore-fs/sharding'
import type { CID } from 'multiformats/cid'
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import { isBlockOf } from '../block-hash.ts'
import { collect } from '../network/block-request.ts'
import type { Logger } from '../telemetry/logger.ts'
import { StorageError } from './errors.ts'

/** For good, or for a month at least: longer than anybody may be asked to show what it was paid for. */
export type Stay = 'for-good' | 'a-month'

const MONTH_MS = 30 * 24 * 3_600_000
/** A block that was used lately need not be noted again. */
const NOTED_MS = 3_600_000
const MAX_NOTED = 4096
/** A full folder is emptied this far, so that it is not looked through for each new block. */
const EMPTIED = 0.9

export interface ShelfOptions {
  /** Bytes of the blocks that may go. */
  readonly mostBytes: number
  readonly log: Logger
  readonly now?: () => number
}

interface Held {
  readonly path: string
  readonly bytes: number
  readonly staysUntilMs: number
}

/** Where a block's file lies in a folder. */
const PLACES = new NextToLast()

type Block = Parameters<FsBlockstore['put']>[1]

export class Shelf extends FsBlockstore {
  /** What this node answers for, which lies where this store's own files do. */
  readonly #own: FsBlockstore
  readonly #passing: FsBlockstore
  readonly #folder: string
  readonly #options: ShelfOptions
  readonly #now: () => number
  readonly #noted = new Map<string, number>()
  /** Damaged blocks that this node answers for: from whomever they come again, they stay. */
  readonly #lost = new Set<string>()
  /** Of the blocks that may go, as of the last look, and what has come since. */
  #bytes: number | undefined
  #sweeping: Promise<void> | undefined
  #onGone: (cid: CID) => void = () => {}
  /** Nothing is looked for again before so many bytes are there. */
  #sweepAtBytes: number

  /** @param folder holds both */
  constructor(folder: string, options: ShelfOptions) {
    super(join(folder, 'blocks'), { shardingStrategy: PLACES })
    this.#own = new FsBlockstore(this.path, { shardingStrategy: PLACES })
    this.#passing = new FsBlockstore(join(folder, 'passing'), { shardingStrategy: PLACES })
    this.#folder = folder
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#sweepAtBytes = options.mostBytes
  }

  /** Tries whether the disk takes a block. @throws StorageError `unwritable` where it does not */
  async requireRoom(): Promise<void> {
    const path = join(this.#folder, 'room')
    try {
      await writeFile(path, new Uint8Array(LEAF_BYTES))
    } catch (cause) {
      const message = `${this.#folder} takes no more blocks. Is the disk full?`
      throw new StorageError('unwritable', message, { cause })
    } finally {
      await rm(path, { force: true })
    }
  }

  override async open(): Promise<void> {
    await super.open()
    await this.#passing.open()
    this.#bytes = (await this.#look()).reduce((sum, { bytes }) => sum + bytes, 0)
    this.#sweepIfFull()
  }

  override async close(): Promise<void> {
    await this.#sweeping
  }

  /** Stores a block that this node answers for. */
  async hold(cid: CID, block: Uint8Array, stay: Stay): Promise<void> {
    if (stay === 'for-good') {
      await super.put(cid, block)
      return
    }
    // What lies here may be damaged, which reading finds out.
    if (await this.has(cid)) await collect(this.get(cid)).catch(() => undefined)
    await this.put(cid, block)
    await this.#stay(cid, this.#now() + MONTH_MS)
  }

  /** Stores a block that came from others. */
  override async put(cid: CID, block: Block, options?: Parameters<FsBlockstore['put']>[2]) {
    if (await this.has(cid)) return cid
    if (this.#lost.delete(cid.toString())) return super.put(cid, block, options)
    await this.#passing.put(cid, block, options)
    await this.#stay(cid, this.#now())
    this.#bytes = (this.#bytes ?? 0) + (block instanceof Uint8Array ? block.length : 0)
    this.#sweepIfFull()
    return cid
  }

  override async *get(cid: CID, options?: Parameters<FsBlockstore['get']>[1]) {
    for (const store of [this.#own, this.#passing]) {
      options?.signal?.throwIfAborted()
      if (!(await store.has(cid))) continue
      // Not told of the signal: called off while it opens the file, it would leave it open.
      const block = await collect(store.get(cid))
      if (!isBlockOf(cid, block)) {
        await this.#discard(store, cid, block.length)
        continue
      }
      yield block
      if (store === this.#passing) await this.#use(cid)
      return
    }
    // Throws, as for any block that is not here.
    yield* this.#passing.get(cid)
  }

  async #discard(store: FsBlockstore, cid: CID, bytes: number): Promise<void> {
    await store.delete(cid)
    const answeredFor = store === this.#own
    if (answeredFor) this.#lost.add(cid.toString())
    const about = { cid: cid.toString(), bytes, answeredFor }
    this.#options.log.warn(
      about,
      'a block on the disk was damaged; it is fetched when it is wanted',
    )
  }

  override async has(cid: CID, options?: Parameters<FsBlockstore['has']>[1]): Promise<boolean> {
    return (await super.has(cid, options)) || this.#passing.has(cid, options)
  }

  override async delete(cid: CID, options?: Parameters<FsBlockstore['delete']>[1]): Promise<void> {
    await super.delete(cid, options)
    await this.#passing.delete(cid, options)
  }

  override async *getAll(options?: Parameters<FsBlockstore['getAll']>[0]) {
    yield* super.getAll(options)
    yield* this.#passing.getAll(options)
  }

  /** Calls back for each block that is let go of; its content id may have another codec. */
  onGone(listener: (cid: CID) => void): void {
    this.#onGone = listener
  }

  /** Bytes of the blocks that may go, roughly. */
  get passingBytes(): number {
    return this.#bytes ?? 0
  }

  /** Lets go of what may go, until there is room. What comes meanwhile is counted with the next look. */
  async sweep(): Promise<void> {
    const { mostBytes, log } = this.#options
    const held = await this.#look()
    const before = held.reduce((sum, { bytes }) => sum + bytes, 0)
    const nowMs = this.#now()
    let bytes = before
    for (const one of held.sort((a, b) => a.staysUntilMs - b.staysUntilMs)) {
      if (bytes <= EMPTIED * mostBytes || one.staysUntilMs > nowMs) break
      await unlink(one.path).catch(() => undefined)
      bytes -= one.bytes
      const cid = blockIn(one.path)
      if (cid) this.#onGone(cid)
    }
    this.#bytes = bytes
    this.#sweepAtBytes = Math.max(mostBytes, bytes + (1 - EMPTIED) * mostBytes)
    if (bytes < before) log.info({ bytes, gone: before - bytes }, 'content let go of')
    if (bytes > mostBytes) {
      const why = 'all of it is a month old at the most and this node answers for it'
      log.warn({ bytes, mostBytes, why }, 'content takes more than --store-gib allows')
    }
  }

  #sweepIfFull(): void {
    if (this.#sweeping || (this.#bytes ?? 0) <= this.#sweepAtBytes) return
    this.#sweeping = this.sweep()
      .catch((error: unknown) => this.#options.log.warn({ error }, 'content not looked through'))
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  async #look(): Promise<Held[]> {
    const { path } = this.#passing
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
    const held: Held[] = []
    const nowMs = this.#now()
    for (const entry of entries) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const about = await stat(file).catch(() => undefined)
      if (!about) continue
      // Nothing stays for longer than a month: the clock was ahead when this was used.
      const staysUntilMs = about.mtimeMs > nowMs + MONTH_MS ? nowMs : about.mtimeMs
      held.push({ path: file, bytes: about.size, staysUntilMs })
    }
    return held
  }

  /** It was used now, which is noted once in a while; what stays longer anyhow is left so. */
  async #use(cid: CID): Promise<void> {
    const name = cid.toString()
    const nowMs = this.#now()
    if (nowMs < (this.#noted.get(name) ?? 0) + NOTED_MS) return
    const heldMs = (await stat(pathIn(this.#passing, cid)).catch(() => undefined))?.mtimeMs
    if (heldMs !== undefined && heldMs < nowMs) await this.#stay(cid, nowMs)
    this.#noted.delete(name)
    this.#noted.set(name, nowMs)
    if (this.#noted.size > MAX_NOTED) this.#noted.delete(this.#noted.keys().next().value!)
  }

  /** It may be gone by now: then somebody else has it. */
  async #stay(cid: CID, untilMs: number): Promise<void> {
    const path = pathIn(this.#passing, cid)
    await utimes(path, this.#now() / 1000, untilMs / 1000).catch(() => undefined)
  }
}

function pathIn({ path }: FsBlockstore, cid: CID): string {
  const { dir, file } = PLACES.encode(cid)
  return join(path, dir, file)
}

/** Nothing where a kill has left half a block under a name of its own. */
function blockIn(path: string): CID | undefined {
  return path.endsWith(PLACES.extension) ? PLACES.decode(path) : undefined
}
