import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import { code as RAW } from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { blockOf } from '../../../protocol/document.ts'
import { FilesManifest } from '../../../protocol/manifest.ts'
import type { Client } from '../../../worker/cli/client.ts'
import { fetchModel } from '../../../worker/cli/model-fetch.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

/** A leaf of a file. */
function rawBlock(bytes: Uint8Array) {
  const digest = create(0x12, createHash('sha256').update(bytes).digest())
  return { cid: CID.createV1(RAW, digest).toString(), bytes }
}

describe('a model that is fetched from a node', () => {
  let folder: string
  const blocks = new Map<string, Uint8Array>()
  const node = {
    url: 'http://node',
    bytes: async (path: string) => blocks.get(path.slice('/blocks/'.length))!,
  } as unknown as Client

  beforeEach(() => {
    folder = join(testFolder('fetched'), 'model')
    blocks.clear()
  })

  afterEach(() => removeFolder(join(folder, '..')))

  const keep = ({ cid, bytes }: { cid: string; bytes: Uint8Array }) => {
    blocks.set(cid, bytes)
    return cid as FilesManifest['files'][number]['cid']
  }

  /** A model of one file, which is one block. */
  function list(bytes: Uint8Array, said = bytes.length) {
    const file = keep(rawBlock(bytes))
    const manifest = {
      files: [{ name: 'config.json', cid: file, bytes: said }],
      ...{ totalBytes: said, blocks: 1, depth: 1, codecs: ['raw' as const] },
    }
    return { file, model: keep(FilesManifest.encode(manifest)) }
  }

  it('appears when it is complete', async () => {
    const { model } = list(Uint8Array.of(1, 2, 3))
    deepEqual(await fetchModel(node, model, folder), { folder, base: undefined })
    deepEqual([...readFileSync(join(folder, 'config.json'))], [1, 2, 3])
    await rejects(fetchModel(node, model, folder), /is there already/)
  })

  it('is refused where the node gives other bytes, or more than are listed', async () => {
    const { file, model } = list(Uint8Array.of(1, 2, 3))
    blocks.set(file, Uint8Array.of(1, 2, 4))
    await rejects(fetchModel(node, model, folder), /gave other bytes than/)
    for (const said of [2, 4]) {
      const other = list(Uint8Array.of(1, 2, 3), said)
      await rejects(fetchModel(node, other.model, folder), /is no file of [24] bytes/)
    }
    ok(!existsSync(folder))
    const notOne = keep(blockOf(Uint8Array.of(0xa0)))
    await rejects(fetchModel(node, notOne, folder), /is no files manifest/)
    equal(existsSync(folder), false)
  })
})
