/**
 * Content by its id: documents as one block, files as UnixFS trees, sets of files behind a manifest that bounds them.
 * Helia announces nothing by itself, so roots are provided when they are added; Kademlia does it again each day, until they go.
 */
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type UnixFS, unixfs } from '@helia/unixfs'
import { CID } from 'multiformats/cid'
import type { Block, Document } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import {
  blocksOf,
  FilesManifest,
  LEAF_BYTES,
  LEAVES_A_NODE,
  leavesOf,
  manifestFault,
} from '../../protocol/manifest.ts'
import type { Peer } from '../network/peer.ts'
import type { Logger } from '../telemetry/logger.ts'
import { syncFolder } from './append.ts'
import { Asking } from './asking.ts'
import { StorageError } from './errors.ts'
import { fetchBlock, fetching, type Sources, WANTED_BLOCKS } from './fetching.ts'
import { contentId, fileBytes } from './file-tree.ts'
import { gather } from './gathering.ts'
import { roomFor } from './room.ts'
import type { Shelf, Stay } from './shelf.ts'

export interface FetchOptions {
  readonly signal: AbortSignal
  /** Called with the bytes so far, of so many in all. */
  readonly onProgress?: (bytes: number, totalBytes: number) => void
}

export interface NamedFile {
  readonly name: string
  readonly content: Uint8Array
}

/** What effects ask of content: the node's own is over IPFS, that of tests is a map. */
export interface ContentStore {
  /** @param stay how long it is kept at least; for good where that is left out */
  put<T>(document: Document<T>, value: T, stay?: Stay): Promise<Cid>
  get<T>(document: Document<T>, cid: Cid, options: FetchOptions): Promise<T>
  /** The bytes of a document's block, as they were stored. */
  bytes(cid: Cid, options: FetchOptions): Promise<Uint8Array>
  putFile(content: Uint8Array, stay?: Stay): Promise<Cid>
  /** A file of exactly so many bytes. @throws StorageError `lies` where it has others */
  getFile(cid: Cid, bytes: number, options: FetchOptions): Promise<Uint8Array>
  /** Stores files and the manifest that bounds them. */
  putFiles(files: readonly NamedFile[]): Promise<Cid>
  /**
   * Fetches the files of a manifest into a folder, which then holds exactly these: it appears under its name only when
   * complete. What is there already is left as it is.
   */
  getFiles(cid: Cid, folder: string, maxBytes: number, options: FetchOptions): Promise<void>
}

/** Ends the name of a folder whose files are on their way. */
export const UNFINISHED = '.part'

const PROVIDE_TIMEOUT_MS = 30_000

export class Content implements ContentStore {
  readonly #peer: Peer
  readonly #shelf: Shelf
  readonly #log: Logger
  readonly #sources: Sources
  /** Fetches under way, by the folder that they fill. */
  readonly #filling = new Map<string, Promise<void>>()

  /** @param shelf the peer's blocks */
  constructor(peer: Peer, shelf: Shelf, log: Logger) {
    this.#peer = peer
    this.#shelf = shelf
    this.#log = log
    shelf.onGone((cid) => this.#withdraw(cid))
    const asking = new Asking(peer, log)
    this.#sources = {
      blocks: peer.blockstore,
      neighbours: (cid, signal) => asking.neighbours(cid, signal),
      everyone: (cid, signal) => asking.everyone(cid, signal),
      requireRoom: () => shelf.requireRoom(),
    }
  }

  /** Stores a document and tells the network who has it. */
  async put<T>(document: Document<T>, value: T, stay: Stay = 'for-good'): Promise<Cid> {
    return this.keep(document.encode(value), stay)
  }

  async keep({ cid, bytes }: Block, stay: Stay = 'for-good'): Promise<Cid> {
    await this.#hold(CID.parse(cid), bytes, stay)
    this.#provide(cid)
    return cid
  }

  /** @throws StorageError `stalled` where nobody has it, `malformed` where it is not what it should be */
  async get<T>(document: Document<T>, cid: Cid, { signal }: FetchOptions): Promise<T> {
    const parsed = contentId(cid)
    const bytes = await fetchBlock(this.#sources, parsed, parsed, signal)
    const decoded = document.decode(bytes)
    if (!decoded.ok) throw new StorageError('malformed', `${cid}: ${decoded.reason}`)
    return decoded.value
  }

  async bytes(cid: Cid, { signal }: FetchOptions): Promise<Uint8Array> {
    const parsed = contentId(cid)
    return fetchBlock(this.#sources, parsed, parsed, signal)
  }

  async putFile(content: Uint8Array, stay: Stay = 'for-good'): Promise<Cid> {
    const cid = (await this.#importer(stay).addBytes(content, IMPORT)).toString() as Cid
    this.#provide(cid)
    return cid
  }

  #importer(stay: Stay): UnixFS {
    const { blockstore } = this.#peer
    return unixfs({
      blockstore: {
        put: (cid: CID, block: Uint8Array) => this.#hold(cid, block, stay),
        get: (cid: CID) => blockstore.get(cid),
        has: (cid: CID) => blockstore.has(cid),
      },
    })
  }

  async getFile(cid: Cid, bytes: number, options: FetchOptions): Promise<Uint8Array> {
    const content = new Uint8Array(bytes)
    let at = 0
    for await (const part of this.#stream(cid, bytes, options)) {
      if (at + part.length > bytes) throw lying(cid, bytes)
      content.set(part, at)
      at += part.length
    }
    if (at !== bytes) throw lying(cid, bytes)
    return content
  }

  /** The blocks of a file of so many bytes, as they are stored. */
  async *blocks(cid: Cid, bytes: number, signal: AbortSignal): AsyncGenerator<Block> {
    const passing: Block[] = []
    const onBlock = (block: Block): number => passing.push(block)
    for await (const _ of this.#stream(cid, bytes, { signal }, onBlock)) yield* passing.splice(0)
    yield* passing
  }

  async putFiles(files: readonly NamedFile[]): Promise<Cid> {
    const entries: FilesManifest['files'] = []
    for (const { name, content } of files) {
      entries.push({ name, cid: await this.putFile(content), bytes: content.length })
    }
    return this.#putManifest(entries)
  }

  /** The same of files in a folder, which may be larger than memory. `onBytes` is told how many were read so far. */
  async putFolder(
    folder: string,
    names: readonly string[],
    onBytes: (bytes: number) => void = () => {},
  ): Promise<Cid> {
    const entries: FilesManifest['files'] = []
    let done = 0
    for (const name of names) {
      let bytes = 0
      const counted = async function* () {
        for await (const part of createReadStream(join(folder, name), {
          highWaterMark: LEAF_BYTES,
        })) {
          bytes += part.length
          onBytes(done + bytes)
          yield part as Uint8Array
        }
      }
      const cid = (
        await this.#importer('for-good').addByteStream(counted(), IMPORT)
      ).toString() as Cid
      this.#provide(cid)
      entries.push({ name, cid, bytes })
      done += bytes
    }
    return this.#putManifest(entries)
  }

  #putManifest(entries: FilesManifest['files']): Promise<Cid> {
    return this.put(FilesManifest, {
      files: entries,
      totalBytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
      blocks: entries.reduce((sum, { bytes }) => sum + blocksOf(bytes), 0),
      depth: entries.some(({ bytes }) => leavesOf(bytes) > LEAVES_A_NODE) ? 3 : 2,
      codecs: ['raw', 'dag-pb'],
    })
  }

  /** One after the other where they are for the same folder: the next finds there what was fetched, or fetches it itself. */
  async getFiles(cid: Cid, folder: string, maxBytes: number, options: FetchOptions): Promise<void> {
    for (let other = this.#filling.get(folder); other; other = this.#filling.get(folder)) {
      await ended(other, options.signal)
    }
    const filling = this.#fill(cid, folder, maxBytes, options)
    this.#filling.set(folder, filling)
    try {
      await filling
    } finally {
      this.#filling.delete(folder)
    }
  }

  async #fill(cid: Cid, folder: string, maxBytes: number, options: FetchOptions): Promise<void> {
    if (await exists(folder)) return
    const manifest = await this.get(FilesManifest, cid, options)
    const fault = manifestFault(manifest)
    if (fault) throw new StorageError('lies', `The manifest ${cid} contradicts itself: ${fault}.`)
    if (manifest.totalBytes > maxBytes) {
      const size = `${manifest.totalBytes} bytes`
      throw new StorageError('too-large', `${cid} has ${size}; ${maxBytes} are allowed here.`)
    }
    const unfinished = `${folder}${UNFINISHED}`
    const clear = (): Promise<void> => rm(unfinished, { recursive: true, force: true })
    await clear()
    try {
      await this.#bring(manifest, unfinished, options)
    } catch (error) {
      // Its blocks are in the store, and whoever names it may have many that stop before their end.
      await clear()
      throw error
    }
    await rename(unfinished, folder)
    syncFolder(dirname(folder))
  }

  async #bring(manifest: FilesManifest, folder: string, options: FetchOptions): Promise<void> {
    await mkdir(folder, { recursive: true })
    let done = 0
    for (const file of manifest.files) {
      await this.#download(file.cid, file.bytes, join(folder, file.name), {
        signal: options.signal,
        onProgress: (bytes) => options.onProgress?.(done + bytes, manifest.totalBytes),
      })
      done += file.bytes
    }
    syncFolder(folder)
  }

  async #download(cid: Cid, bytes: number, path: string, options: FetchOptions): Promise<void> {
    const file = await open(path, 'w')
    try {
      let at = 0
      for await (const part of this.#stream(cid, bytes, options)) {
        at += part.length
        if (at > bytes) throw lying(cid, bytes)
        // `write` may write less, and say so only in what it returns.
        await file.writeFile(part)
      }
      if (at !== bytes) throw lying(cid, bytes)
      // Under its final name nobody looks at it again: by then the disk must have it.
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** A file's bytes. */
  async *#stream(
    cid: Cid,
    bytes: number,
    { signal, onProgress }: FetchOptions,
    onBlock: (block: Block) => void = () => {},
  ): AsyncIterable<Uint8Array> {
    const root = contentId(cid)
    const limits = { ...roomFor(bytes), signal, onBlock }
    const { fetch, blockstore } = fetching(this.#sources, root, limits)
    await gather(fetch, root, limits, (here) => onProgress?.(Math.min(here, bytes), bytes))
    // Blocks that are alike came once.
    onProgress?.(bytes, bytes)
    // Handed through to the exporter.
    const options = { signal, blockReadConcurrency: WANTED_BLOCKS }
    yield* fileBytes(blockstore, root, options)
  }

  /** Bitswap hears of it too: somebody may be waiting for the block. */
  async #hold(cid: CID, bytes: Uint8Array, stay: Stay): Promise<CID> {
    await this.#shelf.hold(cid, bytes, stay)
    return this.#peer.blockstore.put(cid, bytes)
  }

  /** What is let go of is announced no more: else a node would go on with all that it ever had. */
  #withdraw(cid: CID): void {
    this.#peer.routing.cancelReprovide(cid).catch((error: unknown) => {
      this.#log.debug({ cid: `${cid}`, error }, 'content still announced')
    })
  }

  /** In the background: finding the peers to tell takes a while, and bitswap asks our neighbours anyhow. */
  #provide(cid: Cid): void {
    const signal = AbortSignal.timeout(PROVIDE_TIMEOUT_MS)
    this.#peer.routing.provide(CID.parse(cid), { signal }).catch((error: unknown) => {
      this.#log.debug({ cid, error }, 'content not provided')
    })
  }
}

const IMPORT = { rawLeaves: true, cidVersion: 1, reduceSingleLeafToSelf: true } as const

function lying(cid: Cid, bytes: number): StorageError {
  return new StorageError(
    'lies',
    `${cid} does not have the ${bytes} bytes that it was said to have.`,
  )
}

/** Waits until a promise is settled, whatever it comes to; rejects where the signal fires first. */
async function ended(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise: off, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  await Promise.race([promise.catch(() => undefined), off]).finally(() =>
    signal.removeEventListener('abort', onAbort),
  )
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
