/** `tributary model fetch`: the files of an adapter or a base model, block by block from any node, which need not be believed. */
import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { Adapter } from '../../protocol/adapter.ts'
import { blockOf } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { blocksOf, FilesManifest, manifestFault } from '../../protocol/manifest.ts'
import { isBlockOf } from '../block-hash.ts'
import { contentId, fileBytes } from '../storage/file-tree.ts'
import { type Client, ClientError } from './client.ts'
import { decodedAs, fetchBlock, fetchDocument } from './documents.ts'
import { startProgress } from './progress.ts'

/** What was fetched: an adapter's base model is another's affair. */
export interface FetchedModel {
  readonly folder: string
  readonly base: Cid | undefined
}

/** @throws ClientError where the node has it not, gives something else, or the folder is there already */
export async function fetchModel(
  node: Client,
  model: Cid,
  folder: string = model,
): Promise<FetchedModel> {
  if (existsSync(folder)) throw new ClientError(`${folder} is there already. Name another folder.`)
  const block = await fetchBlock(node, model, (bytes) => blockOf(bytes).cid === model)
  const decoded = Adapter.decode(block)
  const adapter = decoded.ok ? decoded.value : undefined
  const manifest = adapter
    ? await fetchDocument(node, FilesManifest, adapter.files)
    : decodedAs(FilesManifest, model, block)
  const fault = manifestFault(manifest)
  if (fault) throw new ClientError(`The list of files of ${model} contradicts itself: ${fault}.`)
  const draft = `${folder}.part`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true })
  const progress = startProgress('bytes')
  let done = 0
  try {
    for (const { name, cid, bytes } of manifest.files) {
      await write(node, cid, bytes, join(draft, name), (here) =>
        progress.update(done + here, manifest.totalBytes),
      )
      done += bytes
    }
  } finally {
    progress.end()
  }
  await rename(draft, folder)
  return { folder, base: adapter?.base }
}

async function write(
  node: Client,
  cid: Cid,
  bytes: number,
  path: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const file = await open(path, 'w')
  let at = 0
  try {
    for await (const part of fileBytes(storeOf(node, bytes), contentId(cid))) {
      at += part.length
      if (at > bytes) break
      await file.writeFile(part)
      onBytes(at)
    }
  } finally {
    await file.close()
  }
  if (at !== bytes) throw new ClientError(`${cid} is no file of ${bytes} bytes, as its list says.`)
}

/** A node as a store of the blocks of a file of so many bytes, that is only read. */
function storeOf(node: Client, bytes: number) {
  let left = blocksOf(bytes)
  const refuse = (): never => {
    throw new Error('a node is asked for blocks, not given any')
  }
  return {
    async *get(cid: CID): AsyncGenerator<Uint8Array> {
      left -= 1
      if (left < 0) throw new ClientError(`${cid} belongs to no file of ${bytes} bytes.`)
      yield await fetchBlock(node, cid.toString() as Cid, (block) => isBlockOf(cid, block))
    },
    put: refuse,
    has: refuse,
  }
}
