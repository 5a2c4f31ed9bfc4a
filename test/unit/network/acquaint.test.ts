import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { after, describe, it } from 'mocha'
import { pino } from 'pino'
import { keepAcquainted, lookElsewhere, lookNear } from '../../../worker/network/acquaint.ts'
import type { Peer } from '../../../worker/network/peer.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { keyNumber } from '../../harness/messages.ts'

const NEVER = new AbortController().signal

function idNumber(number: number): PeerId {
  return peerIdFromPrivateKey(privateKeyFromRaw(keyNumber(number).privateKey))
}

/** A peer of so many connections, whose searches end with these. */
function searching(connected: readonly PeerId[], found: (search: number) => readonly PeerId[]) {
  const own = idNumber(999)
  const [sought, dialled, tagged] = [[] as Uint8Array[], [] as string[], new Set<string>()]
  const libp2p = {
    peerId: own,
    getPeers: () => connected,
    getConnections: (id: PeerId) => connected.filter((other) => other.equals(id)),
    dial: async (id: PeerId) => void dialled.push(`${id}`),
    peerStore: {
      merge: async (
        id: PeerId,
        { tags }: { tags: Record<string, { value: number } | undefined> },
      ) => {
        for (const tag of Object.values(tags)) {
          if (tag === undefined) tagged.delete(`${id}`)
          // 1 is what kad-dht gives to whoever it knows.
          else if (tag.value > 1) tagged.add(`${id}`)
        }
      },
    },
    peerRouting: {
      getClosestPeers: async function* (key: Uint8Array) {
        sought.push(key)
        for (const id of found(sought.length - 1)) yield { id }
      },
    },
  }
  return { peer: { libp2p } as unknown as Peer, own, sought, dialled, tagged }
}

const ids = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => idNumber(from + index))

describe('a look for peers', () => {
  it('near is for its own id, and dials nobody where there are enough', async () => {
    const few = searching(ids(1, 2), () => ids(2, 3))
    await lookNear(few.peer, NEVER)
    assert.deepEqual(few.sought, [few.own.toMultihash().bytes])
    assert.deepEqual(few.dialled, ids(3, 2).map(String))
    const enough = searching(ids(1, 24), () => ids(30, 3))
    await lookNear(enough.peer, NEVER)
    assert.deepEqual(enough.dialled, [])
  })

  it('elsewhere is for a place that differs each time', async () => {
    const { peer, own, sought } = searching([], () => [])
    for (let look = 0; look < 8; look++) await lookElsewhere(peer, [], NEVER)
    const places = new Set(
      [own.toMultihash().bytes, ...sought].map((key) => Buffer.from(key).toString('hex')),
    )
    assert.equal(places.size, 9)
  })

  it('elsewhere dials and keeps whom it finds, however many connections there are', async () => {
    const { peer, dialled, tagged } = searching(ids(1, 40), () => [
      idNumber(400),
      idNumber(401),
      idNumber(1),
    ])
    await lookElsewhere(peer, [], NEVER)
    assert.deepEqual(dialled, [idNumber(400), idNumber(401)].map(String))
    assert.deepEqual([...tagged], [idNumber(400), idNumber(401), idNumber(1)].map(String))
  })

  it('waits for nobody who accepts a connection and says nothing', async () => {
    for (const look of [lookNear, (peer: Peer) => lookElsewhere(peer, [], NEVER)]) {
      const { peer, dialled } = searching([], () => ids(1, 20))
      const all = Promise.withResolvers<void>()
      const dial = (id: PeerId) => {
        if (dialled.push(`${id}`) === 20) all.resolve()
        return id.equals(idNumber(1)) ? new Promise(() => undefined) : Promise.resolve()
      }
      Object.assign(peer.libp2p, { dial })
      void look(peer, NEVER)
      await all.promise
    }
  })

  it('elsewhere lets go of those kept longest when there are a hundred', async () => {
    const { peer, tagged } = searching([], (search) => ids(1 + 20 * search, 20))
    const kept: PeerId[] = []
    for (let look = 0; look < 7; look++) await lookElsewhere(peer, kept, NEVER)
    assert.deepEqual([...tagged], ids(41, 100).map(String))
    assert.equal(kept.length, 100)
  })

  it('keeps somebody found twice but once, and lives on where a dial fails', async () => {
    const { peer } = searching([], () => ids(1, 2))
    Object.assign(peer.libp2p, { dial: () => Promise.reject(new Error('gone')) })
    const kept: PeerId[] = []
    await lookElsewhere(peer, kept, NEVER)
    await lookElsewhere(peer, kept, NEVER)
    assert.deepEqual(kept.map(String), ids(1, 2).map(String))
  })
})

describe('who keeps looking for peers', () => {
  const folder = testFolder('acquaint')
  after(() => removeFolder(folder))

  it('goes on where the addresses cannot be written down, and says so', async () => {
    const second = Promise.withResolvers<void>()
    const { peer } = searching(ids(1, 1), (search) => {
      if (search === 1) second.resolve()
      return []
    })
    const addresses = [{ multiaddr: '/ip4/203.0.113.7/tcp/4801' }]
    Object.assign(peer.libp2p.peerStore, { get: async () => ({ addresses }) })
    mkdirSync(join(folder, 'peers.json.new'))
    const warned: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) })
    const stop = keepAcquainted(peer, folder, [], log)
    await second.promise
    stop()
    assert.equal(warned.length, 1)
    assert.match(warned[0]!, /EISDIR.*addresses of peers not written down/)
  })

  it('begins again with those known at the start when it has nobody', async () => {
    const addressOf = (number: number) => `/ip4/45.77.1.7/tcp/4801/p2p/${idNumber(number)}`
    writeFileSync(join(folder, 'peers.json'), JSON.stringify([addressOf(2)]))
    const third = Promise.withResolvers<void>()
    const connected: PeerId[] = []
    const { peer, dialled } = searching(connected, (search) => {
      if (search === 1) connected.push(idNumber(1))
      if (search === 2) third.resolve()
      return []
    })
    const stop = keepAcquainted(peer, folder, [addressOf(1)], pino({ level: 'silent' }))
    await third.promise
    stop()
    // At the first two looks it was alone, and nobody came; at the third it was not.
    assert.deepEqual(dialled, [1, 2, 1, 2].map(addressOf))
  })

  it('says once that it has nobody', async () => {
    const third = Promise.withResolvers<void>()
    const { peer } = searching([], (search) => {
      if (search === 2) third.resolve()
      return []
    })
    const warned: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) })
    const stop = keepAcquainted(peer, folder, [], log)
    await third.promise
    stop()
    const alone = warned.filter((line) => /no other node is reached/.test(line))
    assert.equal(alone.length, 1)
  })

  it('asks the first who answers, and waits for no others that it knew', async () => {
    const addresses = [1, 2].map((number) => `/ip4/45.77.1.7/tcp/4801/p2p/${idNumber(number)}`)
    const looked = Promise.withResolvers<void>()
    const { peer } = searching([], () => {
      looked.resolve()
      return []
    })
    const dial = (address: unknown): Promise<void> =>
      `${address}` === addresses[0] ? new Promise(() => undefined) : Promise.resolve()
    Object.assign(peer.libp2p, { dial })
    const stop = keepAcquainted(peer, folder, addresses, pino({ level: 'silent' }))
    await looked.promise
    stop()
  })
})
