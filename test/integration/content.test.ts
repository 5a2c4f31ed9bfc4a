import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import { Prompt } from '../../protocol/answer.ts'
import type { Cid } from '../../protocol/fields.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import { StorageError } from '../../worker/storage/errors.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'
import { Peers, type TestPeer } from '../harness/peers.ts'

const PROMPT = { text: 'To install', temperature: 0.5, topK: 10, maxTokens: 8 }
const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) })

describe('content over bitswap', function () {
  this.timeout(60_000)
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

  it('brings a document and a file of several blocks', async () => {
    const cid = await owner.content.put(Prompt, PROMPT)
    assert.deepEqual(await reader.content.get(Prompt, cid, within(10_000)), PROMPT)
    const content = randomBytes(2_500_000)
    const file = await owner.content.putFile(content)
    const seen: number[] = []
    const onProgress = (bytes: number) => seen.push(bytes)
    const got = await reader.content.getFile(file, content.length, {
      ...within(20_000),
      onProgress,
    })
    assert.ok(content.equals(got))
    assert.ok(seen.length >= 3 && seen.at(-1) === content.length)
  })

  it('brings a set of files into a folder, which appears only when it is complete', async () => {
    const files = [
      { name: 'config.json', content: Buffer.from('{}') },
      { name: 'model.safetensors', content: randomBytes(1_500_000) },
    ]
    const cid = await owner.content.putFiles(files)
    const target = join(folder, 'model')
    await reader.content.getFiles(cid, target, 10_000_000, within(20_000))
    for (const { name, content } of files) {
      assert.ok(content.equals(readFileSync(join(target, name))))
    }
    assert.ok(!existsSync(`${target}.part`))
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

  it('refuses a manifest that contradicts itself, and one that is too large, before fetching', async () => {
    const file = await owner.content.putFile(Buffer.from('x'))
    const one = { files: [{ name: 'a', cid: file, bytes: 1 }], blocks: 1, depth: 1, codecs: [] }
    const wrong = await owner.content.put(FilesManifest, { ...one, totalBytes: 2 })
    const target = join(folder, 'never')
    await assert.rejects(reader.content.getFiles(wrong, target, 99, within(10_000)), coded('lies'))
    const right = await owner.content.put(FilesManifest, { ...one, totalBytes: 1 })
    await assert.rejects(
      reader.content.getFiles(right, target, 0, within(10_000)),
      coded('too-large'),
    )
  })

  it('refuses a file with fewer bytes than it was said to have', async () => {
    const file = await owner.content.putFile(randomBytes(1000))
    await assert.rejects(reader.content.getFile(file, 2000, within(10_000)), coded('lies'))
  })

  it('takes no block that does not match its content id, and does not wait for ever', async () => {
    const honest = Prompt.encode({ ...PROMPT, text: 'honest' })
    const forged = Prompt.encode({ ...PROMPT, text: 'forged' })
    await owner.peer.blockstore.put(CID.parse(honest.cid), forged.bytes)
    await assert.rejects(reader.content.get(Prompt, honest.cid, within(6000)))
  })

  it('says so where a document is not what its schema asks for', async () => {
    const file = (await owner.content.putFile(Buffer.from('no dag-cbor at all'))) as Cid
    await assert.rejects(reader.content.get(Prompt, file, within(10_000)), coded('malformed'))
  })

  it('gives up on what nobody has when the caller does', async () => {
    const { cid } = Prompt.encode({ ...PROMPT, text: 'nobody has this' })
    await assert.rejects(reader.content.get(Prompt, cid, within(500)))
  })
})

function coded(code: StorageError['code']): (error: unknown) => boolean {
  return (error) => error instanceof StorageError && error.code === code
}
