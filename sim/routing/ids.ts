/** Places in Kademlia's space, which are hashes: their first 64 bits tell any million of them apart. */
import type { Streams } from '../kernel/streams.ts'

/** A place as two words of 32 bits, the higher first. */
export interface Place {
  readonly high: number
  readonly low: number
}

/** The places of all nodes, by node. */
export class Ids {
  readonly high: Uint32Array
  readonly low: Uint32Array

  constructor(count: number) {
    this.high = new Uint32Array(count)
    this.low = new Uint32Array(count)
  }

  /** @param places of 8 bytes or more each, of which the first 8 count */
  static of(places: readonly Uint8Array[]): Ids {
    const ids = new Ids(places.length)
    for (const [node, bytes] of places.entries()) ids.set(node, placeOf(bytes))
    return ids
  }

  at(node: number): Place {
    return { high: this.high[node]!, low: this.low[node]! }
  }

  set(node: number, { high, low }: Place): void {
    this.high[node] = high
    this.low[node] = low
  }

  /** Below 0 where the first node is nearer to the target than the second, by XOR; 0 where both are in one place. */
  compare(first: number, second: number, { high, low }: Place): number {
    const byHigh = ((this.high[first]! ^ high) >>> 0) - ((this.high[second]! ^ high) >>> 0)
    if (byHigh !== 0) return byHigh
    return ((this.low[first]! ^ low) >>> 0) - ((this.low[second]! ^ low) >>> 0)
  }

  /** The bit of a node's id at this depth, from the highest on, of the first 32. */
  bit(node: number, depth: number): 0 | 1 {
    return ((this.high[node]! >>> (31 - depth)) & 1) as 0 | 1
  }
}

/** The place of the first 8 bytes of a hash. */
export function placeOf(hash: Uint8Array): Place {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength)
  return { high: view.getUint32(0), low: view.getUint32(4) }
}

export function anyPlace(dice: Streams, node: number): Place {
  return { high: dice.uint32(node), low: dice.uint32(node) }
}

/** A place in the other half of the space: the first bit differs. */
export function acrossFrom(place: Place, dice: Streams, node: number): Place {
  const any = anyPlace(dice, node)
  const isSame = (any.high ^ place.high) >>> 31 === 0
  return { high: (isSame ? any.high ^ 0x80000000 : any.high) >>> 0, low: any.low }
}

/**
 * The place nearest to the target of 2^bits keys that somebody tried: the least of so many distances. Distances are taken as
 * shares of the whole space, so with some 2^50 tries two such places may be the same.
 */
export function groundPlace(target: Place, bits: number, dice: Streams, node: number): Place {
  const lot = (dice.uint32(node) + 1) / (2 ** 32 + 1)
  const share = -Math.expm1(Math.log(lot) / 2 ** bits)
  const high = Math.floor(share * 2 ** 32)
  const low = dice.uint32(node)
  return { high: (target.high ^ high) >>> 0, low: (target.low ^ low) >>> 0 }
}
