import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { pino } from 'pino'
import { blockOf } from '../../../protocol/document.ts'
import type { Cid } from '../../../protocol/fields.ts'
import type { Peer } from '../../../worker/network/peer.ts'
import { Content, type FetchOptions } from '../../../worker/storage/content.ts'
import { ModelFolders } from '../../../worker/storage/model-folders.ts'
import { Shelf } from '../../../worker/storage/shelf.ts'
import { contentCompliance } from '../../compliance/content.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { MemoryContent } from '../../harness/memory-content.ts'

describe('content in a map', () => {
  const folder = testFolder('memory')
  const content = new MemoryContent()
  after(() => removeFolder(folder))
  contentCompliance(() => ({ owner: content, reader: content, folder }))
})

describe('one model that is fetched twice at the same time', () => {
  const FILES = ['config.json', 'model.safetensors', 'tokenizer.json'].map((name, index) => ({
    name,
    content: Buffer.alloc(1000, index + 1),
  }))
  let folder: string
  let target: string
  let held: HeldBlocks
  let content: Content
  let cid: Cid

  beforeEach(async () => {
    folder = testFolder('fetch')
    target = join(folder, 'models', 'one')
    held = new HeldBlocks()
    content = held.content()
    cid = await content.putFiles(FILES)
  })

  afterEach(() => removeFolder(folder))

  const fetch = (signal: AbortSignal = new AbortController().signal): Promise<void> =>
    content.getFiles(cid, target, 1e6, { signal } satisfies FetchOptions)

  function assertWhole(): void {
    assert.deepEqual(readdirSync(join(folder, 'models')), ['one'])
    const there = readdirSync(target).sort()
    assert.deepEqual(
      there.map((name) => ({ name, content: readFileSync(join(target, name)) })),
      FILES,
    )
  }

  it('is fetched once, and whole', async () => {
    const atFirst = held.stopAt(3)
    const both = [fetch(), fetch()]
    await atFirst
    held.goOn()
    await Promise.all(both)
    assertWhole()
    assert.equal(held.reads.filter((read) => read === cid).length, 1)
  })

  it('is fetched by the second where the first is called off', async () => {
    const [first, stopped] = [new AbortController(), held.stopAt(3)]
    const one = fetch(first.signal)
    const two = fetch()
    await stopped
    first.abort(new Error('the chain was reorganised'))
    held.goOn()
    await assert.rejects(one)
    await two
    assertWhole()
  })

  it('is waited for no longer than the second wants', async () => {
    const [second, stopped] = [new AbortController(), held.stopAt(3)]
    const one = fetch()
    const two = fetch(second.signal)
    await stopped
    second.abort(new Error('enough'))
    await assert.rejects(two, /enough/)
    held.goOn()
    await one
    assertWhole()
  })

  it('leaves nothing behind where it does not come whole', async () => {
    const [only, stopped] = [new AbortController(), held.stopAt(4)]
    const fetched = fetch(only.signal)
    await stopped
    assert.notDeepEqual(readdirSync(join(folder, 'models')), [])
    only.abort(new Error('the turn is over'))
    held.goOn()
    await assert.rejects(fetched, /the turn is over/)
    assert.deepEqual(readdirSync(join(folder, 'models')), [])
  })

  it('leaves nothing for the next life where the node is killed meanwhile', async () => {
    mkdirSync(`${target}.part`, { recursive: true })
    writeFileSync(join(`${target}.part`, 'config.json'), 'half of it')
    await fetch()
    mkdirSync(join(folder, 'models', 'two.part'))
    new ModelFolders(folder, { mostBytes: 0, log: pino({ level: 'silent' }) })
    assertWhole()
  })

  it('lets go of what was used longest ago, whatever else lies there', async () => {
    await fetch()
    writeFileSync(join(folder, 'models', 'notes.txt'), 'a person left them')
    const models = new ModelFolders(folder, {
      ...{ mostBytes: 1, idleMs: -1000 },
      log: pino({ level: 'silent' }),
    })
    mkdirSync(models.pathOf('two' as Cid))
    await models.use('two' as Cid, new Set())
    assert.deepEqual(readdirSync(join(folder, 'models')).sort(), ['notes.txt', 'two'])
  })
})

describe('what a node announces', () => {
  const folder = testFolder('announced')
  after(() => removeFolder(folder))

  it('ends with what it lets go of', async () => {
    let nowMs = 1_800_000_000_000
    const log = pino({ level: 'silent' })
    const shelf = new Shelf(folder, { mostBytes: 1000, log, now: () => nowMs })
    await shelf.open()
    const announced = new Set<string>()
    const routing = {
      provide: async ({ multihash }: CID) => void announced.add(`${multihash.digest}`),
      cancelReprovide: async ({ multihash }: CID) => void announced.delete(`${multihash.digest}`),
    }
    const peer = { blockstore: shelf, routing } as unknown as Peer
    const content = new Content(peer, shelf, log)
    const put = (number: number) => content.keep(blockOf(Buffer.alloc(400, number)), 'a-month')
    for (const number of [1, 2, 3]) await put(number)
    nowMs += 60 * 24 * 3_600_000
    const kept = await put(4)
    await shelf.sweep()
    assert.equal(announced.size, 2)
    assert.ok(announced.has(`${CID.parse(kept).multihash.digest}`))
  })
})

/** Blocks of one node, whose reading can be stopped for a while. */
class HeldBlocks {
  /** In the order in which they were read. */
  readonly reads: string[] = []
  readonly #blocks = new Map<string, Uint8Array>()
  #stopAt = Number.POSITIVE_INFINITY
  readonly #stopped = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<void>()

  /** @returns resolves when so many blocks were asked for; the last of them is not given until `goOn` */
  stopAt(reads: number): Promise<void> {
    this.#stopAt = reads
    return this.#stopped.promise
  }

  goOn(): void {
    this.#released.resolve()
  }

  content(): Content {
    const put = async (cid: CID, block: Uint8Array): Promise<CID> => {
      this.#blocks.set(`${cid}`, block)
      return cid
    }
    const blockstore = {
      put,
      has: async (cid: CID) => this.#blocks.has(`${cid}`),
      get: (cid: CID, options?: FetchOptions) => this.#read(`${cid}`, options?.signal),
      createSession: () => ({ ...blockstore, close: () => undefined }),
    }
    const routing = { provide: async () => undefined }
    const peer = { blockstore, routing, libp2p: { getPeers: () => [] } }
    const shelf = { hold: put, onGone: () => undefined }
    return new Content(
      peer as unknown as Peer,
      shelf as unknown as Shelf,
      pino({ level: 'silent' }),
    )
  }

  async *#read(cid: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.reads.push(cid) === this.#stopAt) {
      this.#stopped.resolve()
      await this.#released.promise
    }
    signal?.throwIfAborted()
    yield this.#blocks.get(cid)!
  }
}
