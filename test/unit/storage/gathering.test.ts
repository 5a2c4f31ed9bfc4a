import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Fetch } from '../../../worker/storage/fetching.ts'
import { gather } from '../../../worker/storage/gathering.ts'

const RAW = 0x55
const SHA_256 = 0x12
const LIMITS = { maxBytes: 1e9, maxBlocks: 200, signal: new AbortController().signal }

/** Blocks by id, and how they were fetched. */
class Store {
  readonly seen = { order: [] as string[], open: 0, most: 0 }
  readonly #blocks = new Map<string, Uint8Array>()

  add(bytes: Uint8Array, code = RAW): CID {
    const digest = createHash('sha256').update(bytes).digest()
    const cid = CID.createV1(code, create(SHA_256, digest))
    this.#blocks.set(cid.toString(), bytes)
    return cid
  }

  node(children: readonly CID[]): CID {
    const links = children.map((Hash) => ({ Name: '', Tsize: 1, Hash }))
    return this.add(dagPb.encode({ Links: links }), dagPb.code)
  }

  readonly fetch: Fetch = async (cid) => {
    const { seen } = this
    seen.order.push(cid.toString())
    seen.most = Math.max(seen.most, ++seen.open)
    await new Promise((wake) => setTimeout(wake, 1))
    seen.open -= 1
    const block = this.#blocks.get(cid.toString())
    if (!block) throw new Error(`nobody has ${cid}`)
    return block
  }
}

describe('the blocks of a file are gathered', () => {
  const limits = { ...LIMITS, onBlock: () => undefined }
  const leaves = (store: Store, from: number, to: number): CID[] =>
    Array.from({ length: to - from }, (_, i) => store.add(Uint8Array.of(from + i, 1, 2)))

  it('all of them, below every node, two at a time and each once', async () => {
    const store = new Store()
    const shared = leaves(store, 0, 30)
    const root = store.node([
      store.node(shared),
      store.node([...leaves(store, 30, 60), shared[0]!]),
    ])
    const told: number[] = []
    await gather(store.fetch, root, limits, (bytes) => told.push(bytes))
    assert.equal(store.seen.order.length, 3 + 60)
    assert.equal(new Set(store.seen.order).size, 3 + 60)
    assert.equal(store.seen.most, 2)
    assert.equal(told.at(-1), 60 * 3)
  })

  it('in an order of its own each time', async () => {
    const orders = []
    for (let time = 0; time < 2; time++) {
      const store = new Store()
      await gather(store.fetch, store.node(leaves(store, 0, 30)), limits, () => undefined)
      orders.push(store.seen.order.join())
    }
    assert.notEqual(orders[0], orders[1])
  })

  it('of a single block, too', async () => {
    const store = new Store()
    await gather(store.fetch, store.add(Uint8Array.of(7)), limits, () => undefined)
    assert.equal(store.seen.order.length, 1)
  })

  it('until there are more than were said, before any of them is fetched', async () => {
    const store = new Store()
    const root = store.node(leaves(store, 0, 201))
    await assert.rejects(
      gather(store.fetch, root, limits, () => undefined),
      { code: 'lies' },
    )
    assert.equal(store.seen.order.length, 1)
  })

  it('until one fails: the others are wanted no more', async () => {
    const store = new Store()
    const digest = create(SHA_256, new Uint8Array(32))
    const root = store.node([CID.createV1(RAW, digest), ...leaves(store, 0, 100)])
    const signals: AbortSignal[] = []
    const fetch: Fetch = (cid, signal) => {
      signals.push(signal)
      return store.fetch(cid, signal)
    }
    await assert.rejects(
      gather(fetch, root, limits, () => undefined),
      /nobody has/,
    )
    assert.ok(signals.at(-1)!.aborted)
  })

  it('as far as a node can be read', async () => {
    const store = new Store()
    const root = store.add(Uint8Array.of(255, 255), dagPb.code)
    await gather(store.fetch, root, limits, () => undefined)
    assert.deepEqual(store.seen.order, [root.toString()])
  })
})
