import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { RPC } from '@chainsafe/libp2p-gossipsub/message'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { lpStream } from '@libp2p/utils'
import { FsBlockstore } from 'blockstore-fs'
import { LevelDatastore } from 'datastore-level'
import { createLibp2p } from 'libp2p'
import { after, before, describe, it } from 'mocha'
import { publicKeyOf } from '../../protocol/signature.ts'
import { hangUpOnDeaf } from '../../worker/network/deaf.ts'
import { NetworkError } from '../../worker/network/errors.ts'
import { type Gossip, joinGossip } from '../../worker/network/gossip.ts'
import { type Peer, startPeer } from '../../worker/network/peer.ts'
import { peerIdOf } from '../../worker/network/peer-id.ts'
import { askFor, serveReconciliation } from '../../worker/network/reconcile.ts'
import { wireOptions } from '../../worker/network/stack.ts'
import { receiveTokens, sendTokens } from '../../worker/network/tokens.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'
import { hashNumber, keyNumber } from '../harness/messages.ts'
import { Peers, type TestPeer, TOPICS, until } from '../harness/peers.ts'

const RECONCILE = '/tributary/reconcile/1.0.0'
const GOSSIP = '/meshsub/1.2.0'
const TOKENS = '/tributary/tokens/1.0.0'

describe('the network', () => {
  const { everyone } = TOPICS
  const peers = new Peers()
  const nodes: TestPeer[] = []
  const heard: string[][] = [[], [], [], []]
  const gossips: Gossip[] = []

  before(async () => {
    for (let i = 0; i < 4; i++) {
      const node = await peers.start(i + 1)
      nodes.push(node)
      const judge = (bytes: Uint8Array) => {
        const text = Buffer.from(bytes).toString()
        heard[i]!.push(text)
        return {
          verdict: text.startsWith('bad') ? 'reject' : 'accept',
          reason: 'admitted',
        } as const
      }
      gossips.push(joinGossip(node.peer.libp2p.services.pubsub, { everyone }, judge))
    }
    await peers.acquainted()
    await until(() => gossips.every((gossip) => gossip.subscribers().length === 3))
  })

  after(() => peers.stop())

  it('finds everyone from one address, and lives on when that peer has gone', async () => {
    await nodes[0]!.peer.libp2p.stop()
    await until(() => gossips.slice(1).every((gossip) => gossip.subscribers().length === 2))
    await gossips[1]!.publish(Buffer.from('after the bootstrap peer'))
    await until(() => [2, 3].every((i) => heard[i]!.includes('after the bootstrap peer')))
  })

  it('brings each message once to each node, also where it is published twice', async () => {
    await gossips[2]!.publish(Buffer.from('twice'))
    await gossips[2]!.publish(Buffer.from('twice'))
    await until(() => [1, 3].every((i) => heard[i]!.includes('twice')))
    for (const i of [1, 3]) assert.equal(heard[i]!.filter((text) => text === 'twice').length, 1)
  })

  it('lets a node ask a neighbour for what it lacks', async () => {
    const [asking, asked] = [nodes[1]!, nodes[2]!]
    const envelopes = [1, 2, 3].map((i) => Buffer.alloc(1000 * i, i))
    await serveReconciliation(asked.peer, (_peer, have) => {
      assert.deepEqual(have, [hashNumber(7)])
      return envelopes
    })
    const { peerId } = asked.peer.libp2p
    const got = await askFor(asking.peer, peerId, [hashNumber(7)], AbortSignal.timeout(5000))
    assert.deepEqual(
      got.map((bytes) => Buffer.from(bytes)),
      envelopes,
    )
  })

  it('answers a neighbour that asks without a pause only once', async () => {
    const [asking, asked] = [nodes[3]!, nodes[1]!]
    let answered = 0
    await serveReconciliation(asked.peer, () => {
      answered += 1
      return []
    })
    const { peerId } = asked.peer.libp2p
    const ask = () => askFor(asking.peer, peerId, [], AbortSignal.timeout(5000))
    await Promise.allSettled(Array.from({ length: 20 }, ask))
    assert.equal(answered, 1)
    await sleep(1100)
    await ask()
    assert.equal(answered, 2)
    // Another need not wait for it.
    await askFor(nodes[2]!.peer, peerId, [], AbortSignal.timeout(5000))
    assert.equal(answered, 3)
  })

  it('carries text from a worker to the peer that belongs to a signature', async () => {
    const texts: string[] = []
    await receiveTokens(nodes[1]!.peer, (worker) => {
      assert.equal(worker, keyNumber(3).address)
      return (jobId, text) => texts.push(`${jobId.slice(0, 6)} ${text}`)
    })
    const to = peerIdOf(publicKeyOf(keyNumber(2).privateKey))
    const source = (async function* () {
      yield 'To '
      yield 'install'
    })()
    await sendTokens(nodes[2]!.peer, to, hashNumber(1), source, AbortSignal.timeout(5000))
    await until(() => texts.length === 2)
    assert.deepEqual(texts, [
      `${hashNumber(1).slice(0, 6)} To `,
      `${hashNumber(1).slice(0, 6)} install`,
    ])
  })

  it('carries what was written before the other side was reached, however long', async () => {
    const texts: string[] = []
    await nodes[1]!.peer.libp2p.unhandle(TOKENS)
    await receiveTokens(nodes[1]!.peer, () => (_jobId, text) => texts.push(text))
    const to = peerIdOf(publicKeyOf(keyNumber(2).privateKey))
    // Odd, so that pieces of an even length would cut a pair in two.
    const long = `.${'\u{1f30a}'.repeat(2000)}`
    const source = (async function* () {
      yield long
      yield 'end'
    })()
    await sendTokens(nodes[2]!.peer, to, hashNumber(1), source, AbortSignal.timeout(5000))
    await until(() => texts.at(-1) === 'end')
    assert.equal(texts.join(''), `${long}end`)
  })

  it('waits for no neighbour that asks and takes no answer', async () => {
    const [asking, asked] = [nodes[2]!, nodes[1]!]
    await asked.peer.libp2p.unhandle(RECONCILE)
    const large = Array.from({ length: 256 }, () => Buffer.alloc(60_000))
    await serveReconciliation(asked.peer, () => large)
    const [connection] = asking.peer.libp2p.getConnections(asked.peer.libp2p.peerId)
    const stream = await connection!.newStream(RECONCILE)
    stream.pause()
    let ended = false
    stream.addEventListener('close', () => {
      ended = true
    })
    stream.send(Uint8Array.of(0))
    await until(() => ended, 30_000)
  })

  it('lives through rubbish on each of its protocols', async () => {
    const { peerId } = nodes[2]!.peer.libp2p
    for (const protocol of [RECONCILE, TOKENS]) {
      const stream = await nodes[3]!.peer.libp2p
        .dialProtocol(peerId, protocol)
        .catch(() => undefined)
      stream?.send(Buffer.alloc(10_000, 0xff))
      await stream?.close().catch(() => undefined)
    }
    await gossips[3]!.publish(Buffer.from('still here'))
    await until(() => heard[2]!.includes('still here'))
  })

  it('listens no longer to who sends what no honest node does', async () => {
    const { peer } = await peers.start(5, nodes[1]!.peer.libp2p.getMultiaddrs().map(String))
    const judge = () => ({ verdict: 'accept', reason: 'admitted' }) as const
    const pubsub = peer.libp2p.services.pubsub as GossipSub & {
      getMeshPeers(topic: string): string[]
    }
    const liar = joinGossip(pubsub, { everyone }, judge)
    await until(() => pubsub.getMeshPeers(everyone).length === 3)
    const bad = Array.from({ length: 20 }, (_, number) => `bad ${number}`)
    for (const text of bad) await liar.publish(Buffer.from(text))
    const others = [1, 2, 3].map((number) => heard[number]!)
    await until(() => others.every((texts) => bad.every((text) => texts.includes(text))))
    // A score is looked at once a second.
    await sleep(1500)
    await liar.publish(Buffer.from('from the liar'))
    await gossips[1]!.publish(Buffer.from('from another'))
    await until(() => [2, 3].every((number) => heard[number]!.includes('from another')))
    await sleep(500)
    assert.ok(others.every((texts) => !texts.includes('from the liar')))
  })

  it('hangs up on who floods it with what is of no use, after looking at a part of it', async () => {
    let judged = 0
    const { peer } = await peers.start(7, [])
    const judge = () => {
      judged += 1
      return { verdict: 'ignore', reason: 'stranger' } as const
    }
    joinGossip(peer.libp2p.services.pubsub, { everyone }, judge, (id) => {
      for (const connection of peer.libp2p.getConnections(id)) connection.abort(new Error('no use'))
    })
    const stranger = await neighbour(peer)
    const flood = Array.from({ length: 5000 }, (_, at) => Buffer.from(`of no use ${at}`))
    await stranger.say(flood.slice(0, 2500))
    await stranger.say(flood.slice(2500)).catch(() => undefined)
    await until(() => peer.libp2p.getPeers().length === 0)
    assert.ok(judged >= 4096 && judged < 5000, `${judged} judged`)
    await stranger.stop()
  })

  it('keeps little for a neighbour that reads nothing, and hangs up on it', async () => {
    const { peer } = await peers.start(8, [])
    const gossip = joinGossip(peer.libp2p.services.pubsub, { everyone }, () => {
      throw new Error('it says nothing')
    })
    const stranger = await neighbour(peer)
    const [connection] = peer.libp2p.getConnections()
    const told = () =>
      connection!.streams.filter(
        ({ protocol, direction }) => protocol === GOSSIP && direction === 'outbound',
      )
    await until(() => gossip.subscribers().length === 1 && told().length === 1)
    const room = 2 * 2 ** 20
    for (let i = 0; i < 64; i++) {
      await gossip.publish(Buffer.alloc(60_000, i))
      assert.ok(told().every(({ writeBufferLength }) => writeBufferLength < room))
    }
    assert.equal(told().length, 0)
    const end = hangUpOnDeaf(peer.libp2p, 100)
    try {
      await until(() => peer.libp2p.getPeers().length === 0)
    } finally {
      end()
      await stranger.stop()
    }
  })

  it('hangs up on nobody that listens', async () => {
    const [one, other] = [nodes[2]!.peer.libp2p, nodes[3]!.peer.libp2p]
    const end = hangUpOnDeaf(one, 100)
    try {
      await sleep(1000)
      assert.ok(one.getConnections(other.peerId).length > 0)
    } finally {
      end()
    }
  })

  it('lets newcomers in, though others connect and say nothing', async () => {
    const [address] = nodes[1]!.peer.libp2p.getMultiaddrs()
    const port = Number(/tcp\/(\d+)/.exec(`${address}`)![1])
    const silent = Array.from({ length: 20 }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    )
    try {
      await Promise.all(silent.map((socket) => once(socket, 'connect')))
      const { peer } = await peers.start(6, [])
      await peer.libp2p.dial(address!, { signal: AbortSignal.timeout(5000) })
    } finally {
      for (const socket of silent) socket.destroy()
    }
  })

  it('keeps no more of what others told it in an earlier life', async () => {
    const folder = testFolder('told')
    const before = new LevelDatastore(join(folder, 'routing'))
    await before.open()
    const keys = Array.from({ length: 65_536 + 100 }, (_, at) => `/dht/provider/content${at}/peer`)
    const value = Uint8Array.of(1)
    await before.db.batch(keys.map((key) => ({ type: 'put', key, value }) as const))
    await before.close()
    const peer = await startPeer({
      ...{ privateKey: keyNumber(9).privateKey, folder, blocks: new FsBlockstore(folder) },
      ...{ listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [], topics: [everyone] },
    })
    try {
      let held = 0
      for await (const _ of peer.datastore.queryKeys({ prefix: '/dht/provider/' })) held++
      assert.equal(held, 65_536)
    } finally {
      await peer.stop()
      removeFolder(folder)
    }
  })

  it('keeps no values for those who ask Kademlia to', async () => {
    const { peer: victim } = nodes[1]!
    const stranger = await createLibp2p({
      ...wireOptions(),
      services: {
        identify: identify(),
        ping: ping(),
        dht: kadDHT({ protocol: '/tributary/kad/1.0.0', peerInfoMapper: passthroughMapper }),
      },
    })
    try {
      const { dht } = stranger.services
      await stranger.dial(victim.libp2p.getMultiaddrs())
      const { publicKey } = await generateKeyPair('Ed25519')
      const key = Buffer.concat([Buffer.from('/pk/'), publicKey.toMultihash().bytes])
      const told = new Set<string>()
      // At first it has nobody to ask; later it hears that nobody has kept it.
      while (!told.has('SEND_QUERY')) {
        const events = dht.put(key, publicKeyToProtobuf(publicKey))
        for await (const { name } of errorAsEnd(events)) told.add(name)
        await sleep(20)
      }
    } finally {
      await stranger.stop()
    }
    for (const { peer } of nodes.slice(1)) {
      for await (const key of peer.datastore.queryKeys({ prefix: '/dht/record' }))
        assert.fail(`${key}`)
    }
  })

  it('says which address is taken, and which is none', async () => {
    const folder = testFolder('port')
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise<void>((resolve) => server.once('listening', () => resolve()))
    const { port } = server.address() as { port: number }
    const { privateKey } = keyNumber(9)
    const blocks = new FsBlockstore(folder)
    const options = { privateKey, folder, blocks, bootstrap: [], topics: [everyone] }
    try {
      const taken = startPeer({ ...options, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
      await assert.rejects(taken, (error: Error) => {
        return (
          error instanceof NetworkError &&
          error.code === 'port-in-use' &&
          error.message.includes(`${port}`)
        )
      })
      const none = startPeer({ ...options, listen: ['127.0.0.1:4801'] })
      await assert.rejects(
        none,
        (error: Error) => error instanceof NetworkError && error.code === 'bad-address',
      )
    } finally {
      server.close()
      removeFolder(folder)
    }
  })
})

/** Listens to what is said, reads nothing of it, and says what it is told to, so many at once. */
async function neighbour({ libp2p }: Peer) {
  const stranger = await createLibp2p({
    ...wireOptions(),
    services: { identify: identify(), ping: ping() },
  })
  await stranger.handle(GOSSIP, (stream) => stream.pause())
  const connection = await stranger.dial(libp2p.getMultiaddrs())
  const stream = await connection.newStream(GOSSIP)
  const topic = TOPICS.everyone
  const framed = lpStream(stream)
  const send = (rpc: Partial<RPC>) =>
    framed.write(RPC.encode({ subscriptions: [], messages: [], ...rpc }))
  await send({ subscriptions: [{ topic, subscribe: true }] })
  return {
    say: (texts: readonly Uint8Array[]) =>
      send({ messages: texts.map((data) => ({ topic, data })) }),
    stop: () => stranger.stop(),
  }
}

async function* errorAsEnd<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* source
  } catch {
    // The test looks at what has come of it.
  }
}
