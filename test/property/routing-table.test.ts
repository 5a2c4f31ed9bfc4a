/** The model's distances, lists and buckets beside those of @libp2p/kad-dht, which nodes run. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PeerId } from '@libp2p/interface'
import fc from 'fast-check'
import { before, describe, it } from 'mocha'
import { Streams } from '../../sim/kernel/streams.ts'
import { acrossFrom, groundPlace, Ids, placeOf } from '../../sim/routing/ids.ts'
import { Nearest } from '../../sim/routing/nearest.ts'
import { DEEPEST, K, RoutingTable } from '../../sim/routing/table.ts'

interface PeerInfo {
  readonly id: PeerId
  readonly multiaddrs: readonly never[]
}

interface DistanceList {
  readonly peers: readonly { readonly peer: PeerInfo }[]
  addWithKadId(peer: PeerInfo, kadId: Uint8Array): void
  canAddKadId(kadId: Uint8Array): boolean
}

interface Bucket {
  add(peerId: PeerId): Promise<void>
  toIterable(): Iterable<{ readonly peerId: PeerId }>
  closest(id: Uint8Array, options: { count: number }): Iterable<PeerId>
}

/** Modules of the package that it does not export. */
async function inside<T>(path: string): Promise<T> {
  const root = join(import.meta.dirname, '../../node_modules/@libp2p/kad-dht/dist/src')
  return (await import(pathToFileURL(join(root, path)).href)) as T
}

/** A peer id of which only the bytes count that are hashed. */
function peerOf(node: number): PeerId {
  const bytes = Uint8Array.of(node >> 8, node & 255)
  const name = `peer ${node}`
  const own = { toMultihash: () => ({ bytes }), toString: () => name }
  return { ...own, equals: (other: unknown) => `${other}` === name } as unknown as PeerId
}

const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
/** Hashes that share their beginning with one another more often than chance would have it. */
const crowded = fc
  .tuple(hash32, fc.array(fc.tuple(hash32, fc.nat(48)), { minLength: 1, maxLength: 120 }))
  .map(([centre, all]) =>
    all.map(([bytes, bits]) => {
      const at = (index: number) => (8 * index + 8 <= bits ? centre[index]! : bytes[index]!)
      return bytes.map((_, index) => at(index))
    }),
  )
  .map((all) => [
    ...new Map(
      all.map((bytes) => [Buffer.from(bytes.subarray(0, 8)).toString('hex'), bytes]),
    ).values(),
  ])

describe('Kademlia in the simulator', () => {
  let DistanceList: new (origin: Uint8Array, capacity: number) => DistanceList
  let KBucket: new (components: object, options: object) => Bucket
  let kadIdOf: (peer: PeerId) => Promise<Uint8Array>

  /** Buckets note when a peer has answered; here all answer now. */
  const refuse = Date.now
  const atOneTime = async (run: () => Promise<void>): Promise<void> => {
    Date.now = () => 1_700_000_000_000
    try {
      await run()
    } finally {
      Date.now = refuse
    }
  }

  before(async () => {
    DistanceList = (
      await inside<{ PeerDistanceList: typeof DistanceList }>('peer-distance-list.js')
    ).PeerDistanceList
    KBucket = (await inside<{ KBucket: typeof KBucket }>('routing-table/k-bucket.js')).KBucket
    kadIdOf = (await inside<{ convertPeerId: typeof kadIdOf }>('utils.js')).convertPeerId
  })

  it('orders places by distance as kad-dht does, and lets in whom it lets in', () => {
    fc.assert(
      fc.property(hash32, crowded, fc.integer({ min: 1, max: 25 }), (target, hashes, room) => {
        const theirs = new DistanceList(target, room)
        const ours = new Nearest(Ids.of(hashes), placeOf(target), room)
        for (const [node, bytes] of hashes.entries()) {
          assert.equal(ours.admits(node), theirs.canAddKadId(bytes))
          ours.add(node)
          theirs.addWithKadId({ id: peerOf(node), multiaddrs: [] }, bytes)
        }
        const named = theirs.peers.map(({ peer }) => `${peer.id}`)
        assert.deepEqual(
          ours.nodes.map((node) => `${peerOf(node)}`),
          named,
        )
      }),
    )
  })

  it('keeps the same peers in its buckets, and names the same as the nearest', async () => {
    const dht = (node: number) => kadIdOf(peerOf(node))
    const all = await Promise.all(Array.from({ length: 1500 }, (_, node) => dht(node)))
    const ids = Ids.of(all)
    const property = fc.asyncProperty(
      fc.shuffledSubarray([...all.keys()]),
      hash32,
      async (order, target) => {
        const theirs = new KBucket(
          { peerId: peerOf(65_535) },
          { verify: async () => true, ping: async function* () {}, metricsPrefix: 'x' },
        )
        const ours = new RoutingTable(ids)
        for (const node of order) {
          await theirs.add(peerOf(node))
          ours.offer(node)
        }
        const kept = [...theirs.toIterable()].map(({ peerId }) => `${peerId}`)
        assert.deepEqual(
          ours.nodes.map((node) => `${peerOf(node)}`),
          kept,
        )
        const nearest = [...theirs.closest(target, { count: K })].map(String)
        assert.deepEqual(
          ours.nearest(placeOf(target)).map((node) => `${peerOf(node)}`),
          nearest,
        )
      },
    )
    await atOneTime(() => fc.assert(property, { numRuns: 12 }))
  })

  it('lets nobody into a bucket beside twenty, and nobody twice', () => {
    fc.assert(
      fc.property(crowded, (hashes) => {
        const ids = Ids.of(hashes)
        const table = new RoutingTable(ids)
        for (const node of [...hashes.keys(), ...hashes.keys()]) table.offer(node)
        assert.equal(new Set(table.nodes).size, table.nodes.length)
        const inBucket = new Map<number, number>()
        for (const node of table.nodes) {
          const prefix = ids.high[node]! >>> (32 - DEEPEST)
          inBucket.set(prefix, (inBucket.get(prefix) ?? 0) + 1)
        }
        for (const count of inBucket.values()) assert.ok(count <= K)
      }),
    )
  })

  it('measures distances that are those of XOR: none to oneself, alike both ways, and of two places one is nearer', () => {
    fc.assert(
      fc.property(hash32, hash32, hash32, (a, b, target) => {
        const ids = Ids.of([a, b])
        const exact = (bytes: Uint8Array) =>
          BigInt(
            `0x${Buffer.from(bytes.subarray(0, 8).map((byte, at) => byte ^ target[at]!)).toString('hex')}`,
          )
        const [toA, toB] = [exact(a), exact(b)]
        const sign = toA < toB ? -1 : Number(toA > toB)
        assert.equal(Math.sign(ids.compare(0, 1, placeOf(target))), sign)
        assert.equal(ids.compare(0, 0, placeOf(target)), 0)
        assert.equal(Math.sign(ids.compare(1, 0, placeOf(target))), -sign || 0)
      }),
    )
  })

  it('grinds keys as near as so many tries bring them', () => {
    const dice = new Streams(1, 'adversary', 4000)
    const target = placeOf(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 1, 2, 3, 4))
    for (const bits of [0, 4, 12]) {
      const shares = Array.from({ length: 4000 }, (_, node) => {
        const { high } = groundPlace(target, bits, dice, node)
        return ((high ^ target.high) >>> 0) / 2 ** 32
      })
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
      // Of n tries the least of as many shares is 1 / (n + 1) on average.
      assert.ok(Math.abs(mean * (2 ** bits + 1) - 1) < 0.08, `${bits} bits: ${mean}`)
    }
    fc.assert(
      fc.property(hash32, (bytes) => {
        const across = acrossFrom(placeOf(bytes), dice, 0)
        assert.equal((across.high ^ placeOf(bytes).high) >>> 31, 1)
      }),
    )
  })
})
