/**
 * What is read and written to send something, laid side by side: a record for each link and one for each node. At a
 * hundred thousand nodes most of the time is waiting for memory, and a record is one line of it, not one in each of many
 * arrays.
 */
import type { Links } from './links.ts'

/** A link: when what was sent last arrives (two words), whom it leads to and its place there, and microseconds one way. */
export const WAY_WORDS = 4
export const WAY_TIMES = 2
export const PEER = 2
export const DELAY = 3
/** A peer's number lies above the 5 bits of the place; there are fewer than 2^26 nodes. */
export const PLACE_BITS = 5

/** A node: when its uplink is free and the bytes it sent (two words each), its next sequence, its draws, its first link. */
export const SENDER_WORDS = 8
export const SENDER_TIMES = 4
export const SENT_BYTES = 1
export const SEQUENCE = 4
export const DRAWN = 5
export const FIRST = 6

/** What memory gives at once, and how much is read ahead beyond the first word. */
const LINE_WORDS = 16
const READ_WORDS = 4 * LINE_WORDS

export class Ways {
  /** The links' records, and the same as times of 64 bits. */
  readonly words: Int32Array
  readonly times: Float64Array
  readonly senders: Int32Array
  readonly senderTimes: Float64Array

  constructor({ first, peers, places, delaysUs }: Links) {
    this.times = new Float64Array(peers.length * WAY_TIMES + READ_WORDS)
    this.words = new Int32Array(this.times.buffer)
    for (let link = 0; link < peers.length; link++) {
      this.words[link * WAY_WORDS + PEER] = (peers[link]! << PLACE_BITS) | places[link]!
      this.words[link * WAY_WORDS + DELAY] = delaysUs[link]!
    }
    // One more for who publishes, which has no links.
    this.senderTimes = new Float64Array(first.length * SENDER_TIMES)
    this.senders = new Int32Array(this.senderTimes.buffer)
    for (let node = 0; node < first.length; node++) {
      this.senders[node * SENDER_WORDS + FIRST] = first[node]!
    }
  }

  /** A node's first link. */
  first(node: number): number {
    return this.senders[node * SENDER_WORDS + FIRST]!
  }

  peer(link: number): number {
    return this.words[link * WAY_WORDS + PEER]! >>> PLACE_BITS
  }

  /** The link's place among the peer's. */
  place(link: number): number {
    return this.words[link * WAY_WORDS + PEER]! & ((1 << PLACE_BITS) - 1)
  }

  delayUs(link: number): number {
    return this.words[link * WAY_WORDS + DELAY]!
  }

  /** Reads the lines of a node's first twenty links, so that they are at hand. The sum means nothing, but that it was read. */
  read(node: number): number {
    const { words } = this
    const at = this.first(node) * WAY_WORDS
    const some = words[at]! ^ words[at + LINE_WORDS]! ^ words[at + 2 * LINE_WORDS]!
    return some ^ words[at + 3 * LINE_WORDS]! ^ words[at + READ_WORDS]!
  }

  /** What each of so many nodes sent, in bytes. */
  sentBytesBy(nodes: number): Float64Array {
    return Float64Array.from(
      { length: nodes },
      (_, node) => this.senderTimes[node * SENDER_TIMES + SENT_BYTES]!,
    )
  }
}
