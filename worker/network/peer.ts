/**
 * A libp2p peer with Helia on top: TCP, noise, yamux, our own Kademlia prefix, gossipsub, bitswap, and blocks for whoever asks
 * straight. Nothing here knows what is said. One secp256k1 key makes the peer id, and the same key makes the node's Ethereum account.
 */
import { join } from 'node:path'
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { withBitswap } from '@helia/bitswap'
import { type HeliaWithLibp2p, withLibp2pLight } from '@helia/libp2p'
import { bootstrap } from '@libp2p/bootstrap'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Ping, ping } from '@libp2p/ping'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import type { Blockstore } from 'interface-blockstore'
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import { serveBlocks } from './block-request.ts'
import { NetworkError } from './errors.ts'
import { RoutingStore } from './routing-store.ts'
import { gossipOptions, wireOptions } from './stack.ts'

export interface PeerServices extends Record<string, unknown> {
  identify: Identify
  ping: Ping
  dht: KadDHT
  pubsub: GossipSub
}

export type Peer = HeliaWithLibp2p<PeerServices>

export interface PeerOptions {
  readonly privateKey: Uint8Array
  /** Folder for routing records. */
  readonly folder: string
  readonly blocks: Blockstore
  readonly listen: readonly string[]
  /** Addresses to tell others besides those of this machine. */
  readonly announce?: readonly string[]
  readonly bootstrap: readonly string[]
  readonly topics: readonly string[]
}

/** @throws NetworkError where an address is malformed or its port is taken. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  checkAddresses([...options.listen, ...(options.announce ?? []), ...options.bootstrap])
  const self = peerIdFromPrivateKey(privateKeyFromRaw(options.privateKey)).toString()
  const datastore = new RoutingStore(join(options.folder, 'routing'), self)
  // Helia does not: the database below would open by itself, and what it held already would not be counted.
  await datastore.open()
  const helia = createHeliaLight({ blockstore: options.blocks, datastore })
  const peer = withBitswap(withLibp2pLight(helia, libp2pOptions(options)), BITSWAP)
  try {
    const started = (await peer.start()) as Peer
    await serveBlocks(started)
    return started
  } catch (cause) {
    await peer.stop().catch(() => undefined)
    const said = describe(cause)
    if (!/EADDRINUSE|already in use|No transport|listen/i.test(said)) throw cause
    const message = `Cannot listen on ${options.listen.join(', ')}: ${hindrance(said)}`
    throw new NetworkError('port-in-use', message, { cause })
  }
}

const BITSWAP = {
  /** As large as a block may be: what holds no block is sent empty, again and again without end. */
  maxOutgoingMessageSize: 4 * LEAF_BYTES,
  /**
   * All blocks that a neighbour wants are read before the first is sent, and stay in memory until it takes them. A fetch wants
   * few at a time, and asks straight for what does not come.
   */
  maxWantListSize: 16,
} as const

function libp2pOptions(options: PeerOptions) {
  const { privateKey, listen, announce = [], bootstrap: list, topics } = options
  return {
    privateKey: privateKeyFromRaw(privateKey),
    addresses: { listen: [...listen], appendAnnounce: [...announce] },
    ...wireOptions(),
    peerDiscovery: list.length > 0 ? [bootstrap({ list: [...list], timeout: 0 })] : [],
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        protocol: '/tributary/kad/1.0.0',
        clientMode: false,
        validators: { pk: keepNothing },
        // The default drops private addresses, and with them every peer of a LAN or a loopback network.
        peerInfoMapper: passthroughMapper,
      }),
      pubsub: gossipsub(gossipOptions(topics)),
      ownAddresses: tellOwnAddresses,
    },
  }
}

/**
 * Kademlia keeps public keys for whoever asks it to, as many as they like; ours are in the peer ids themselves. For values of
 * other names it has no validator, and so keeps none.
 */
function keepNothing(): never {
  throw new NetworkError('protocol', 'values are not kept for others')
}

/**
 * libp2p keeps public addresses to itself until AutoNAT has confirmed them, for which several others must dial back. What a
 * machine listens on is told at once: else nodes over the internet would know only private addresses of each other.
 */
function tellOwnAddresses({ addressManager, events }: OwnAddresses): object {
  events.addEventListener('transport:listening', ({ detail: listener }) => {
    for (const address of listener.getAddrs()) {
      addressManager.confirmObservedAddr(address, { type: 'transport' })
    }
  })
  return {}
}

/** The parts of libp2p that know them. */
interface OwnAddresses {
  readonly addressManager: {
    confirmObservedAddr(address: Multiaddr, options: { type: 'transport' }): void
  }
  readonly events: Pick<Libp2p, 'addEventListener'>
}

function checkAddresses(addresses: readonly string[]): void {
  for (const address of addresses) {
    try {
      multiaddr(address)
    } catch (cause) {
      throw new NetworkError(
        'bad-address',
        `${address} is no multiaddress; one looks like /ip4/203.0.113.7/tcp/4801/p2p/16Uiu2HA….`,
        { cause },
      )
    }
  }
}

/** What keeps a port from being listened on, by what the system said, and what to do. */
function hindrance(said: string): string {
  if (/EADDRNOTAVAIL|ENOTFOUND/.test(said)) {
    return "no address of this machine. --listen takes such, as /ip4/0.0.0.0/tcp/4801; say a router's with --announce."
  }
  if (/EACCES/.test(said)) return 'the system keeps that port to itself. Choose one above 1023.'
  return 'is another node running there? Choose another with --listen.'
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join(' ')
  return error instanceof Error ? `${error.name} ${error.message}` : String(error)
}
