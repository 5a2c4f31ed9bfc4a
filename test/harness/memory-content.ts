/** Content in a map, for tests of what is done with it. It answers the same compliance suite as IPFS does. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Block, Document } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { FilesManifest, manifestFault } from '../../protocol/manifest.ts'
import type { ContentStore, FetchOptions, NamedFile } from '../../worker/storage/content.ts'
import { StorageError } from '../../worker/storage/errors.ts'

export class MemoryContent implements ContentStore {
  readonly blocks = new Map<Cid, Uint8Array>()

  async put<T>(document: Document<T>, value: T): Promise<Cid> {
    return this.keep(document.encode(value))
  }

  async keep({ cid, bytes }: Block): Promise<Cid> {
    this.blocks.set(cid, bytes)
    return cid
  }

  async get<T>(document: Document<T>, cid: Cid, options: FetchOptions): Promise<T> {
    const decoded = document.decode(await this.bytes(cid, options))
    if (!decoded.ok) throw new StorageError('malformed', `${cid}: ${decoded.reason}`)
    return decoded.value
  }

  async bytes(cid: Cid, { signal }: FetchOptions): Promise<Uint8Array> {
    signal.throwIfAborted()
    const bytes = this.blocks.get(cid)
    if (!bytes) throw new StorageError('stalled', `Nobody has ${cid}.`)
    return bytes
  }

  async putFile(content: Uint8Array): Promise<Cid> {
    const cid = CID.createV1(raw.code, await sha256.digest(content))
    return this.keep({ cid: cid.toString() as Cid, bytes: content })
  }

  async getFile(cid: Cid, bytes: number, options: FetchOptions): Promise<Uint8Array> {
    const content = await this.bytes(cid, options)
    if (content.length !== bytes) throw new StorageError('lies', `${cid} has other bytes.`)
    options.onProgress?.(bytes, bytes)
    return content
  }

  async putFiles(files: readonly NamedFile[]): Promise<Cid> {
    const entries = []
    for (const { name, content } of files) {
      entries.push({ name, cid: await this.putFile(content), bytes: content.length })
    }
    const totalBytes = entries.reduce((sum, { bytes }) => sum + bytes, 0)
    const shape = { blocks: files.length, depth: 1, codecs: [] }
    return this.put(FilesManifest, { files: entries, totalBytes, ...shape })
  }

  async getFiles(cid: Cid, folder: string, maxBytes: number, options: FetchOptions): Promise<void> {
    if (existsSync(folder)) return
    const manifest = await this.get(FilesManifest, cid, options)
    if (manifestFault(manifest)) throw new StorageError('lies', `${cid} contradicts itself.`)
    if (manifest.totalBytes > maxBytes) throw new StorageError('too-large', `${cid} is too large.`)
    const fetched = []
    for (const { name, cid: file, bytes } of manifest.files) {
      fetched.push({ name, content: await this.getFile(file, bytes, options) })
    }
    mkdirSync(folder, { recursive: true })
    for (const { name, content } of fetched) writeFileSync(join(folder, name), content)
  }
}
