/**
 * Whom a node knows: buckets in a tree of prefixes, as kad-dht keeps them. Any bucket that is full is halved, not only the
 * node's own, down to six bits; at that depth it takes nobody in beside twenty who answer. Who stands there stays, for
 * kad-dht drops a peer only when it does not answer, and in this model all do.
 */
import type { Ids, Place } from './ids.ts'
import { Nearest } from './nearest.ts'

/** K, of kad-dht's `KBUCKET_SIZE`. */
export const K = 20
/** kad-dht's `PREFIX_LENGTH`. */
export const DEEPEST = 6

type Bucket = { nodes: number[] } | { readonly halves: readonly [Bucket, Bucket] }

export class RoutingTable {
  readonly #ids: Ids
  #root: Bucket = { nodes: [] }

  constructor(ids: Ids) {
    this.#ids = ids
  }

  /** In the order of prefixes. */
  get nodes(): number[] {
    return nodesOf(this.#root)
  }

  /** @returns whether it was taken in */
  offer(node: number): boolean {
    let depth = 0
    let parent: [Bucket, Bucket] | undefined
    let side: 0 | 1 = 0
    let bucket = this.#root
    while (true) {
      if ('halves' in bucket) {
        parent = bucket.halves as [Bucket, Bucket]
        side = this.#ids.bit(node, depth++)
        bucket = parent[side]
      } else if (bucket.nodes.includes(node)) {
        return false
      } else if (bucket.nodes.length < K) {
        bucket.nodes.push(node)
        return true
      } else if (depth < DEEPEST) {
        bucket = this.#halved(bucket.nodes, depth)
        if (parent) parent[side] = bucket
        else this.#root = bucket
      } else {
        return false
      }
    }
  }

  /** The nearest to a place, but for one that is left out. */
  nearest(target: Place, leftOut = -1): readonly number[] {
    const found = new Nearest(this.#ids, target, K)
    for (const node of this.nodes) if (node !== leftOut) found.add(node)
    return found.nodes
  }

  #halved(nodes: readonly number[], depth: number): Bucket {
    const half = (bit: number) => nodes.filter((node) => this.#ids.bit(node, depth) === bit)
    return { halves: [{ nodes: half(0) }, { nodes: half(1) }] }
  }
}

function nodesOf(bucket: Bucket): number[] {
  if ('nodes' in bucket) return bucket.nodes
  return [...nodesOf(bucket.halves[0]), ...nodesOf(bucket.halves[1])]
}
