/**
 * Streams of randomness, one for each node and purpose. A draw is a hash of (seed, purpose, node, how many it drew), so
 * one draw more in one place leaves all the others as they were. Not for secrets, as `protocol/prng.ts` is not.
 */
import { keccak, utf8 } from '../../protocol/hash.ts'

/**
 * Jitter and loss; the protocol's own choices; who misbehaves, and how; where nodes are, and when they are up; whom a
 * fault strikes.
 */
export type Purpose = 'network' | 'protocol' | 'adversary' | 'world' | 'faults'

export class Streams {
  readonly #nodeKey: number
  readonly #drawKey: number
  readonly #drawn: Uint32Array

  /** @param count nodes, named 0 .. count - 1. Each can draw 2^32 times before its stream repeats. */
  constructor(seed: number, purpose: Purpose, count: number) {
    const digest = keccak(utf8(`seed ${seed}`), utf8(`streams ${purpose}`))
    const view = new DataView(digest.buffer, digest.byteOffset)
    this.#nodeKey = view.getInt32(0)
    this.#drawKey = view.getInt32(4)
    this.#drawn = new Uint32Array(count)
  }

  /** A whole number in 0 .. 2^32 - 1. */
  uint32(node: number): number {
    return this.nth(this.keyOf(node), this.#drawn[node]!++)
  }

  /** What `nth` takes for a node: for those who draw much at once, and count their draws themselves. */
  keyOf(node: number): number {
    return mix(node ^ this.#nodeKey)
  }

  /** A node's draw number `index`, from 0 on, as `uint32` gives it. */
  nth(key: number, index: number): number {
    // Both are mixed before they meet: streams that were shifts of one another would overlap.
    return mix(key + mix(index ^ this.#drawKey)) >>> 0
  }

  /** A whole number in 0 .. bound - 1. No number is favoured by more than bound / 2^32. */
  below(node: number, bound: number): number {
    return Math.floor((this.uint32(node) * bound) / 2 ** 32)
  }

  /** Whether something of this chance happens. A chance of 0 draws nothing. */
  happens(node: number, chance: number): boolean {
    return chance > 0 && this.uint32(node) < chance * 2 ** 32
  }
}

/** A bijection of 32 bits in which each bit of the input moves about half of the output (MurmurHash3's last step). */
function mix(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
