import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { after, before, describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256, sha512 } from 'multiformats/hashes/sha2'
import { Prompt } from '../../protocol/answer.ts'
import { blockOf } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import { collect } from '../../worker/network/block-request.ts'
import { coded, contentCompliance, PROMPT, within } from '../compliance/content.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'
import { Peers, type TestPeer } from '../harness/peers.ts'

describe('content over bitswap', () => {
  const peers = new Peers()
  const folder = testFolder('content')
  let owner: TestPeer
  let reader: TestPeer

  before(async () => {
    owner = await peers.start(1)
    reader = await peers.start(2)
    await peers.acquainted()
  })

  after(async () => {
    await peers.stop()
    removeFolder(folder)
  })

  contentCompliance(() => ({ owner: owner.content, reader: reader.content, folder }))

  it('stores a folder as it stores its files, reading them piece by piece', async () => {
    const files = [
      { name: 'config.json', content: Buffer.from('{}') },
      { name: 'model.safetensors', content: randomBytes(3_500_000) },
      { name: 'tokenizer.json', content: Buffer.alloc(0) },
    ]
    const source = join(folder, 'source')
    mkdirSync(source, { recursive: true })
    for (const { name, content } of files) writeFileSync(join(source, name), content)
    const seen: number[] = []
    const names = files.map(({ name }) => name)
    const cid = await owner.content.putFolder(source, names, (bytes) => seen.push(bytes))
    assert.equal(cid, await owner.content.putFiles(files))
    assert.equal(seen.at(-1), 3_500_002)
    const target = join(folder, 'copy')
    await reader.content.getFiles(cid, target, 10_000_000, within(20_000))
    for (const { name, content } of files) {
      assert.ok(readFileSync(join(target, name)).equals(content), name)
    }
  })

  it('stops at the first byte beyond what a manifest says', async () => {
    const big = await owner.content.putFile(randomBytes(1_000_000))
    const lie = await owner.content.put(FilesManifest, {
      files: [{ name: 'small', cid: big, bytes: 1000 }],
      totalBytes: 1000,
      blocks: 1,
      depth: 1,
      codecs: ['raw'],
    })
    const target = join(folder, 'lie')
    await assert.rejects(
      reader.content.getFiles(lie, target, 10_000, within(20_000)),
      coded('lies'),
    )
    assert.ok(!existsSync(target))
  })

  it('takes no block that does not match its content id, and does not wait for ever', async () => {
    const honest = Prompt.encode({ ...PROMPT, text: 'honest' })
    const forged = Prompt.encode({ ...PROMPT, text: 'forged' })
    await owner.peer.blockstore.put(CID.parse(honest.cid), forged.bytes)
    await assert.rejects(reader.content.get(Prompt, honest.cid, within(2000)))
  })

  const DIRECTORY = 1
  const FILE = 2

  it('brings a document as large as bitswap takes', async () => {
    const large = blockOf(encode({ text: 'x'.repeat(3 * 2 ** 20) }))
    await owner.content.keep(large)
    const bytes = await reader.content.bytes(large.cid, within(10_000))
    assert.ok(Buffer.from(large.bytes).equals(bytes))
  })

  it('gives few blocks at a time to whoever wants many of bitswap', async () => {
    const wanted = Array.from({ length: 100 }, (_, number) => blockOf(encode({ number })))
    for (const block of wanted) await owner.content.keep(block)
    const over = new AbortController()
    const { signal } = over
    const came = wanted.map(({ cid }) =>
      collect(reader.peer.blockstore.get(CID.parse(cid), { signal })).then(
        () => 1,
        () => 0,
      ),
    )
    await Promise.race(came)
    over.abort()
    const count = (await Promise.all<number>(came)).reduce((sum, one) => sum + one)
    assert.ok(count < 40, `${count} came at once`)
  })

  /** The root of a tree that says what it is, and of its leaf, which has five bytes, that it has so many. */
  async function saying(type: number, ...bytes: number[]): Promise<Cid> {
    const { blockstore } = owner.peer
    const content = Uint8Array.of(1, 2, 3, 4, 5)
    const leaf = CID.createV1(raw.code, await sha256.digest(content))
    await blockstore.put(leaf, content)
    // Fields 1 and 4 of UnixFS' protobuf.
    const Data = Uint8Array.of(0x08, type, ...bytes.flatMap((size) => [0x20, size]))
    const root = dagPb.encode({ Data, Links: [{ Hash: leaf, Name: '', Tsize: 5 }] })
    const cid = CID.createV1(dagPb.code, await sha256.digest(root))
    await blockstore.put(cid, root)
    return cid.toString() as Cid
  }

  it('holds the content itself at fault where its blocks make no file', async () => {
    const trees = [
      saying(FILE, 100),
      saying(FILE, 5, 5),
      saying(DIRECTORY),
      owner.content.put(Prompt, PROMPT),
    ]
    for (const tree of await Promise.all(trees)) {
      await assert.rejects(
        reader.content.getFile(tree, 2_000_000, within(10_000)),
        coded('malformed'),
      )
    }
  })

  it('asks nobody for what has only the form of a content id, or a hash that is not compared', async () => {
    const none = `b${'a'.repeat(50)}` as Cid
    const other = CID.createV1(raw.code, await sha512.digest(new Uint8Array(5))).toString() as Cid
    for (const cid of [none, other]) {
      await assert.rejects(reader.content.bytes(cid, within(10_000)), coded('malformed'))
      await assert.rejects(reader.content.getFile(cid, 5, within(10_000)), coded('malformed'))
    }
  })
})
