/** Gossipsub as workers run it, unmodified, on links that exist in virtual time only: the bytes are real, nothing else. */
import { type GossipSubComponents, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, Startable } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { gossipOptions } from '../../worker/network/stack.ts'
import { type OpenGossipSub, TOPIC } from './peer.ts'

/** What goes along a link: the library's streams take single arrays and lists of them. */
type Bytes = Uint8Array | { subarray(): Uint8Array }
/** Carries bytes to the other end of a link, where `take` is called with them. */
export type Carry = (bytes: Uint8Array, take: (bytes: Uint8Array) => void) => void

interface Topology {
  onConnect?(peerId: PeerId, connection: VirtualConnection): void
}

type Handler = (stream: Inlet, connection: VirtualConnection) => void

export class VirtualPeer {
  readonly peerId: PeerId
  readonly pubsub: OpenGossipSub
  readonly address: Multiaddr
  readonly #handlers = new Map<string, Handler>()
  readonly #topologies = new Map<string, Topology>()

  /**
   * @param number names the peer, from 0 on
   * @param onCopy hears of each copy of a message
   */
  constructor(number: number, onCopy: () => void) {
    const privateKey = privateKeyFromRaw(keyBytes(number))
    this.peerId = peerIdFromPrivateKey(privateKey)
    this.address = multiaddr(`/ip4/10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/tcp/1`)
    const make = gossipsub({
      ...gossipOptions([TOPIC]),
      dataTransform: {
        inboundTransform: (_topic, data) => {
          onCopy()
          return data
        },
        outboundTransform: (_topic, data) => data,
      },
    })
    const components = { privateKey, peerId: this.peerId, ...this.#surroundings() }
    this.pubsub = make(components as unknown as GossipSubComponents) as OpenGossipSub
  }

  async start(): Promise<void> {
    await (this.pubsub as unknown as Startable).start()
  }

  async stop(): Promise<void> {
    await (this.pubsub as unknown as Startable).stop()
  }

  /** Is told of an open connection, as the registrar does once identify has found that both speak gossipsub. */
  meet(connection: VirtualConnection): void {
    for (const topology of new Set(this.#topologies.values())) {
      topology.onConnect?.(connection.remotePeer, connection)
    }
  }

  /** A stream that the other end of a connection has opened. */
  accept(protocol: string, stream: Inlet, connection: VirtualConnection): void {
    this.#handlers.get(protocol)?.(stream, connection)
  }

  /** As much of libp2p as gossipsub asks for. */
  #surroundings() {
    return {
      peerStore: { merge: async () => undefined },
      connectionManager: {},
      registrar: {
        handle: async (protocol: string, handler: Handler) =>
          void this.#handlers.set(protocol, handler),
        unhandle: async (protocol: string) => void this.#handlers.delete(protocol),
        register: async (protocol: string, topology: Topology) => {
          this.#topologies.set(protocol, topology)
          return protocol
        },
        unregister: (protocol: string) => void this.#topologies.delete(protocol),
      },
      logger: { forComponent: () => SILENT },
    }
  }
}

const SILENT = Object.assign(() => undefined, {
  ...{ error: () => undefined, trace: () => undefined },
  enabled: false,
})

/** A secp256k1 key for each number: any 32 bytes will do that are neither 0 nor beyond the group's order. */
function keyBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(28, number + 1)
  return bytes
}

/** One end of a link. */
export class VirtualConnection {
  readonly status = 'open'
  readonly remotePeer: PeerId
  readonly remoteAddr: Multiaddr
  readonly direction: 'inbound' | 'outbound'
  /** The same link seen from the other end. */
  other!: VirtualConnection
  readonly #remote: VirtualPeer
  readonly #carry: Carry

  constructor(remote: VirtualPeer, direction: 'inbound' | 'outbound', carry: Carry) {
    this.#remote = remote
    this.remotePeer = remote.peerId
    this.remoteAddr = remote.address
    this.direction = direction
    this.#carry = carry
  }

  /** Opens a stream of the newest protocol that is offered; both ends run the same library. */
  async newStream(protocols: readonly string[]): Promise<Outlet> {
    const protocol = protocols[0]!
    const theirs = new Inlet()
    this.#remote.accept(protocol, theirs, this.other)
    return new Outlet(protocol, (bytes) => {
      this.#carry(bytes, (arrived) => theirs.arrive(arrived))
    })
  }
}

/** Where bytes go in. Streams go one way, as gossipsub's do. */
class Outlet extends EventTarget {
  readonly protocol: string
  readonly #send: (bytes: Uint8Array) => void

  constructor(protocol: string, send: (bytes: Uint8Array) => void) {
    super()
    this.protocol = protocol
    this.#send = send
  }

  send(bytes: Bytes): boolean {
    this.#send(bytes.subarray())
    return true
  }

  async close(): Promise<void> {
    this.dispatchEvent(new Event('close'))
  }
}

/** Where they come out: read by iteration, without the events of a whole libp2p stream. */
class Inlet implements AsyncIterableIterator<Uint8Array> {
  readonly #waiting: Uint8Array[] = []
  #next: ((result: IteratorResult<Uint8Array>) => void) | undefined
  #isClosed = false

  arrive(value: Uint8Array): void {
    if (this.#isClosed) return
    const next = this.#next
    if (!next) this.#waiting.push(value)
    else {
      this.#next = undefined
      next({ value, done: false })
    }
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.#waiting.shift()
    if (value) return Promise.resolve({ value, done: false })
    if (this.#isClosed) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      this.#next = resolve
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#next?.({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
