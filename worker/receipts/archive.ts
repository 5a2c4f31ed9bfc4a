/** Reads a CAR file: blocks by content id, each checked against its id when it is used. */
import { CarReader } from '@ipld/car'
import type { CID } from 'multiformats/cid'
import type { Document } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { isBlockOf } from '../block-hash.ts'
import { StorageError } from '../storage/errors.ts'
import { contentId, fileBytes } from '../storage/file-tree.ts'
import { bounded, roomFor } from '../storage/room.ts'

/** Receipts carry an index and a datanet; more than this is none of ours. */
export const MAX_ARCHIVE_BYTES = 512 * 1024 * 1024

export class Archive {
  readonly root: Cid
  readonly #reader: CarReader

  private constructor(reader: CarReader, root: Cid) {
    this.#reader = reader
    this.root = root
  }

  /** @throws StorageError `malformed` where the bytes are no CAR with one root */
  static async open(bytes: Uint8Array): Promise<Archive> {
    try {
      const reader = await CarReader.fromBytes(bytes)
      const roots = await reader.getRoots()
      if (roots.length !== 1) throw new Error(`it has ${roots.length} roots`)
      return new Archive(reader, roots[0]!.toString() as Cid)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new StorageError(
        'malformed',
        `This is no receipt file (a CAR with one root): ${why}.`,
        { cause },
      )
    }
  }

  /** @throws StorageError `missing` or `lies` */
  async bytes(cid: Cid): Promise<Uint8Array> {
    const parsed = contentId(cid)
    const block = await this.#reader.get(parsed)
    if (!block) throw new StorageError('missing', `The file lacks block ${cid}.`)
    if (!isBlockOf(parsed, block.bytes)) {
      throw new StorageError('lies', `Block ${cid} does not have the content that its id names.`)
    }
    return block.bytes
  }

  async get<T>(document: Document<T>, cid: Cid): Promise<T> {
    const decoded = document.decode(await this.bytes(cid))
    if (!decoded.ok) throw new StorageError('malformed', `${cid}: ${decoded.reason}`)
    return decoded.value
  }

  /**
   * A file of so many bytes.
   * @throws StorageError `lies` where it has others, `malformed` where it is none, `too-large` where nobody would archive it
   */
  async file(cid: Cid, bytes: number): Promise<Uint8Array> {
    if (bytes > MAX_ARCHIVE_BYTES) {
      const most = `${MAX_ARCHIVE_BYTES} are more than any receipt needs`
      throw new StorageError('too-large', `File ${cid} is to have ${bytes} bytes; ${most}.`)
    }
    const archive = this
    const root = contentId(cid)
    const read = bounded(root, roomFor(bytes))
    const blockstore = {
      get: async function* (block: CID) {
        yield read(await archive.bytes(block.toString() as Cid))
      },
      has: () => true,
      put: (block: CID) => block,
    }
    const parts: Uint8Array[] = []
    let at = 0
    for await (const part of fileBytes(blockstore, root)) {
      at += part.length
      if (at > bytes) break
      parts.push(part)
    }
    if (at !== bytes) throw new StorageError('lies', `File ${cid} does not have ${bytes} bytes.`)
    return Buffer.concat(parts)
  }
}
