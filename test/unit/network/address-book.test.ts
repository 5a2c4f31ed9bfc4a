import assert from 'node:assert/strict'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, it } from 'mocha'
import { publicKeyOf } from '../../../protocol/signature.ts'
import { bookOf, readAddresses, writeAddresses } from '../../../worker/network/address-book.ts'
import type { Peer } from '../../../worker/network/peer.ts'
import { peerIdOf } from '../../../worker/network/peer-id.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { keyNumber } from '../../harness/messages.ts'

const address = (name: string, port = 4801) => `/ip4/203.0.113.7/tcp/${port}/p2p/${name}`
const many = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => address(`${prefix}${index}`))

describe('the book of addresses', () => {
  it('takes in who is here, as far as there is room', () => {
    assert.deepEqual(bookOf([], many('new', 3)), many('new', 3))
    assert.equal(bookOf([], many('new', 100)).length, 64)
  })

  it('keeps who was in it, however many others press in', () => {
    const old = many('old', 64)
    const flood = many('flood', 300)
    assert.deepEqual(bookOf(old, [...flood, ...old]), old)
    // Away, as when a flood has taken all connections: sixteen stay all the same.
    const flooded = bookOf(old, flood)
    assert.deepEqual(flooded.slice(-16), old.slice(0, 16))
    assert.equal(flooded.length, 64)
    assert.deepEqual(bookOf(flooded, flood).slice(-16), old.slice(0, 16))
    assert.deepEqual(bookOf(flooded, old).slice(0, 16), old.slice(0, 16))
  })

  it('lets go of those who left first, when others leave after them', () => {
    const first = bookOf(many('a', 40), many('b', 60))
    assert.deepEqual(first, [...many('b', 48), ...many('a', 16)])
    const second = bookOf(first, many('c', 60))
    assert.deepEqual(second, [...many('c', 48), ...many('b', 16)])
    // Where there is room they all stay: just after a start nobody is here yet.
    assert.deepEqual(bookOf(many('a', 40), many('b', 2)), [...many('b', 2), ...many('a', 40)])
  })

  it('has each once, where it is today', () => {
    const book = bookOf([address('one', 1), address('two', 2)], [address('one', 9)])
    assert.deepEqual(book, [address('one', 9), address('two', 2)])
  })
})

describe('what is written into the book', () => {
  const id = (number: number) => peerIdOf(publicKeyOf(keyNumber(number).privateKey))

  it('is where a peer was dialled, or else what most can reach', async () => {
    const lan = ['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.0.7/tcp/1']
    const book = await written([
      { number: 1, told: [...lan, '/ip4/45.77.1.7/tcp/1'] },
      { number: 2, told: [...lan] },
      { number: 3, told: ['/ip4/127.0.0.1/tcp/1'] },
      { number: 4, told: ['/ip4/45.77.1.7/tcp/1'], dialled: '/ip4/192.168.0.9/tcp/1' },
    ])
    assert.deepEqual(book, [
      `/ip4/45.77.1.7/tcp/1/p2p/${id(1)}`,
      `/ip4/192.168.0.7/tcp/1/p2p/${id(2)}`,
      `/ip4/127.0.0.1/tcp/1/p2p/${id(3)}`,
      `/ip4/192.168.0.9/tcp/1/p2p/${id(4)}`,
    ])
  })

  it('can be read again, whatever addresses a stranger has', async () => {
    const book = await written([
      { number: 1, told: ['/ip4/45.77.1.7/tcp/1'] },
      { number: 2, told: [`/ip4/45.77.1.8/tcp/1/p2p/${id(1)}/p2p-circuit`] },
      { number: 3, told: [`/dns4/${'a'.repeat(300)}/tcp/1`] },
      { number: 4, told: ['/unix/%2Ftmp%2Fa', '/ip4/45.77.1.9/tcp/1'] },
      { number: 5, told: [] },
    ])
    const expected = [`/ip4/45.77.1.7/tcp/1/p2p/${id(1)}`, `/ip4/45.77.1.9/tcp/1/p2p/${id(4)}`]
    assert.deepEqual(book, expected)
  })

  interface Neighbour {
    readonly number: number
    readonly told: readonly string[]
    readonly dialled?: string
  }

  /** The book of a node with these neighbours. */
  async function written(neighbours: readonly Neighbour[]): Promise<string[]> {
    const folder = testFolder('address-book')
    const dialledOf = (number: number): Multiaddr[] =>
      neighbours.flatMap((one) =>
        one.number === number && one.dialled ? [multiaddr(one.dialled)] : [],
      )
    const numberOf = (peer: unknown): number =>
      neighbours.find(({ number }) => id(number).equals(`${peer}`))!.number
    const libp2p = {
      getPeers: () => neighbours.map(({ number }) => id(number)),
      getConnections: (peer: unknown) =>
        dialledOf(numberOf(peer)).map((remoteAddr) => ({ direction: 'outbound', remoteAddr })),
      peerStore: {
        get: async (peer: unknown) => {
          const { told } = neighbours.find(({ number }) => number === numberOf(peer))!
          return { addresses: told.map((address) => ({ multiaddr: multiaddr(address) })) }
        },
      },
    }
    try {
      await writeAddresses(folder, { libp2p } as unknown as Peer)
      return readAddresses(folder)
    } finally {
      removeFolder(folder)
    }
  }
})
