/** What content must do for us, asked of IPFS between two peers and of the map that stands in for it in tests. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'mocha'
import { Prompt } from '../../protocol/answer.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import type { ContentStore } from '../../worker/storage/content.ts'
import { StorageError } from '../../worker/storage/errors.ts'

export interface ContentUnderTest {
  /** Has what is stored, and who reads it. */
  readonly owner: ContentStore
  readonly reader: ContentStore
  /** An empty folder. */
  readonly folder: string
}

export const PROMPT = {
  text: 'To install',
  temperature: 0.5,
  topK: 10,
  maxTokens: 8,
  addSpecialTokens: true,
  stop: [],
  logProbabilities: null,
}
export const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) })

export function contentCompliance(content: () => ContentUnderTest): void {
  it('brings a document, and its bytes as they were stored', async () => {
    const { owner, reader } = content()
    const cid = await owner.put(Prompt, PROMPT)
    assert.deepEqual(await reader.get(Prompt, cid, within(10_000)), PROMPT)
    const bytes = await reader.bytes(cid, within(10_000))
    assert.deepEqual(Buffer.from(bytes), Buffer.from(Prompt.encode(PROMPT).bytes))
  })

  it('brings a file of several blocks, telling how far it is', async () => {
    const { owner, reader } = content()
    const bytes = randomBytes(2_500_000)
    const file = await owner.putFile(bytes)
    const seen: number[] = []
    const onProgress = (done: number): number => seen.push(done)
    const got = await reader.getFile(file, bytes.length, { ...within(20_000), onProgress })
    assert.ok(bytes.equals(got))
    assert.equal(seen.at(-1), bytes.length)
  })

  it('brings an empty file', async () => {
    const { owner, reader } = content()
    const file = await owner.putFile(new Uint8Array())
    assert.equal((await reader.getFile(file, 0, within(10_000))).length, 0)
  })

  it('brings a set of files into a folder, which appears only when it is complete', async () => {
    const { owner, reader, folder } = content()
    const files = [
      { name: 'config.json', content: Buffer.from('{}') },
      { name: 'model.safetensors', content: randomBytes(1_500_000) },
    ]
    const cid = await owner.putFiles(files)
    const target = join(folder, 'model')
    await reader.getFiles(cid, target, 10_000_000, within(20_000))
    for (const { name, content: bytes } of files) {
      assert.ok(bytes.equals(readFileSync(join(target, name))))
    }
    assert.ok(!existsSync(`${target}.part`))
  })

  it('refuses a manifest that contradicts itself, and one that is too large', async () => {
    const { owner, reader, folder } = content()
    const file = await owner.putFile(Buffer.from('x'))
    const one = { files: [{ name: 'a', cid: file, bytes: 1 }], blocks: 1, depth: 1, codecs: [] }
    const wrong = await owner.put(FilesManifest, { ...one, totalBytes: 2 })
    const target = join(folder, 'never')
    await assert.rejects(reader.getFiles(wrong, target, 99, within(10_000)), coded('lies'))
    const right = await owner.put(FilesManifest, { ...one, totalBytes: 1 })
    await assert.rejects(reader.getFiles(right, target, 0, within(10_000)), coded('too-large'))
    assert.ok(!existsSync(target))
  })

  it('refuses a file that has not the bytes it was said to have', async () => {
    const { owner, reader } = content()
    const file = await owner.putFile(randomBytes(1000))
    await assert.rejects(reader.getFile(file, 2000, within(10_000)), coded('lies'))
    await assert.rejects(reader.getFile(file, 500, within(10_000)), coded('lies'))
  })

  it('says so where a document is not what its schema asks for', async () => {
    const { owner, reader } = content()
    const file = await owner.putFile(Buffer.from('no dag-cbor at all'))
    await assert.rejects(reader.get(Prompt, file, within(10_000)), coded('malformed'))
  })

  it('gives up on what nobody has when the caller does', async () => {
    const { cid } = Prompt.encode({ ...PROMPT, text: 'nobody has this' })
    await assert.rejects(content().reader.get(Prompt, cid, within(500)))
  })
}

export function coded(code: StorageError['code']): (error: unknown) => boolean {
  return (error) => error instanceof StorageError && error.code === code
}
