import { rejects } from 'node:assert/strict'
import { CarWriter } from '@ipld/car'
import * as dagPb from '@ipld/dag-pb'
import { describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Cid } from '../../../protocol/fields.ts'
import { Archive } from '../../../worker/receipts/archive.ts'

/** An archive of these blocks; the last one is the root. */
async function archiveOf(blocks: readonly { cid: CID; bytes: Uint8Array }[]): Promise<Archive> {
  const { writer, out } = CarWriter.create([blocks.at(-1)!.cid])
  const parts: Uint8Array[] = []
  const read = (async () => {
    for await (const part of out) parts.push(part)
  })()
  for (const block of blocks) await writer.put(block)
  await writer.close()
  await read
  return Archive.open(Buffer.concat(parts))
}

async function block(code: number, bytes: Uint8Array) {
  return { cid: CID.createV1(code, await sha256.digest(bytes)), bytes }
}

/** A file that names itself as twice the one below, and so on, down to nothing. */
async function doubling(levels: number) {
  const blocks = [await block(raw.code, new Uint8Array())]
  for (let level = 0, size = 1n; level < levels; level++, size *= 2n) {
    // UnixFS as protobuf: a file, its size, and the sizes of the two below.
    const [all, each] = [varint(2n * size), varint(size)]
    const file = Uint8Array.of(0x08, 2, 0x18, ...all, 0x20, ...each, 0x20, ...each)
    const link = { Hash: blocks.at(-1)!.cid, Tsize: 1 }
    const node = dagPb.prepare({ Data: file, Links: [link, link] })
    blocks.push(await block(dagPb.code, dagPb.encode(node)))
  }
  return blocks
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)]
}

describe('an archive', () => {
  it('reads no more of a file than its size takes, however often its tree names a block', async () => {
    const blocks = await doubling(50)
    const archive = await archiveOf(blocks)
    await rejects(archive.file(archive.root, 1000), { code: 'lies' })
  })

  it('refuses a file that is larger than any archive, and what is no file', async () => {
    const folder = await block(dagPb.code, dagPb.encode(dagPb.prepare({ Links: [] })))
    const archive = await archiveOf([folder])
    await rejects(archive.file(archive.root as Cid, 2 ** 40), { code: 'too-large' })
    await rejects(archive.file(archive.root, 10), { code: 'malformed' })
  })
})
