/**
 * Attackers on loopback: libp2p peers with keys ground until their ids lie around a content's, who take in what they are told
 * of it, and name one another to whoever asks.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { pbStream } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { sha256 } from '@noble/hashes/sha2.js'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import type { Uint8ArrayList } from 'uint8arraylist'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { wireOptions } from '../../worker/network/stack.ts'

const KAD = '/tributary/kad/1.0.0'
/** As near as the first byte alike: one key of 256. */
const ALIKE_BYTES = 1

interface Entry {
  readonly id: Uint8Array
  readonly multiaddrs: Uint8Array[]
}

interface Message {
  readonly type: string
  readonly clusterLevel?: number
  readonly key?: Uint8Array
  readonly closer: Entry[]
  readonly providers: Entry[]
}

interface Codec {
  encode(message: Message): Uint8Array
  decode(bytes: Uint8Array | Uint8ArrayList): Message
}

/** Where a peer's id lies, and where a content's does: 32 bytes. */
export function placeOfPeer(id: PeerId): Uint8Array {
  return sha256(id.toMultihash().bytes)
}

export function placeOfContent(cid: CID): Uint8Array {
  return sha256(cid.multihash.bytes)
}

export class Sybils {
  readonly #peers: Libp2p[] = []
  /** Questions that they answered, and records that they took in. */
  answered = 0
  swallowed = 0
  #tried = 0

  get ids(): PeerId[] {
    return this.#peers.map(({ peerId }) => peerId)
  }

  /** So many more, each of which dials all of these. */
  async come(count: number, cid: CID, targets: readonly Multiaddr[]): Promise<void> {
    for (let index = 0; index < count; index++) {
      const peer = await this.#start(this.#grind(placeOfContent(cid)))
      this.#peers.push(peer)
      await Promise.all(targets.map((target) => peer.dial(target)))
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#peers.splice(0).map((peer) => peer.stop()))
  }

  #grind(place: Uint8Array) {
    for (;;) {
      const key = privateKeyFromRaw(keccak(utf8(`sybil ${this.#tried++}`)))
      const own = placeOfPeer(peerIdFromPrivateKey(key))
      if (own.subarray(0, ALIKE_BYTES).every((byte, at) => byte === place[at])) return key
    }
  }

  async #start(privateKey: ReturnType<typeof privateKeyFromRaw>): Promise<Libp2p> {
    const peer = await createLibp2p({
      privateKey,
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      ...wireOptions(),
      services: { identify: identify(), ping: ping() },
    })
    const { Message } = await codec()
    const answer = async (stream: Stream): Promise<void> => {
      const framed = pbStream(stream)
      const asked = await framed.read({ decode: Message.decode })
      if (asked.type === 'ADD_PROVIDER') this.swallowed += 1
      else {
        this.answered += 1
        const said = { ...asked, closer: this.#entries(), providers: [] }
        await framed.write(said, { encode: Message.encode })
      }
      await stream.close()
    }
    await peer.handle(KAD, (stream) => answer(stream).catch((error) => stream.abort(error)))
    return peer
  }

  #entries(): Entry[] {
    return this.#peers.map((peer) => ({
      id: peer.peerId.toMultihash().bytes,
      multiaddrs: peer.getMultiaddrs().map(({ bytes }) => bytes),
    }))
  }
}

/** How kad-dht writes its messages, which it keeps to itself. */
async function codec(): Promise<{ Message: Codec }> {
  const path = '../../node_modules/@libp2p/kad-dht/dist/src/message/dht.js'
  return (await import(pathToFileURL(join(import.meta.dirname, path)).href)) as { Message: Codec }
}
