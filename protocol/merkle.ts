/**
 * Two trees. A plain Merkle tree commits lists (receipts, index rows, contributions); a Merkle-sum tree commits payouts,
 * its root carrying their total so that it cannot promise more than was funded. Leaves and nodes are hashed under
 * different prefixes, positions are checked against the count, and an odd node moves up alone: it is never doubled.
 * `contracts/src/libraries/MerkleTree.sol` repeats both.
 */
import type { Address } from './fields.ts'
import { fromHex, type Hash, keccak, toHex, word, ZERO_HASH } from './hash.ts'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export interface Proof {
  readonly index: number
  /** Siblings from the leaf upwards; a level at which the node moved up alone has none. */
  readonly siblings: readonly Hash[]
}

/** Root over the leaves' bytes, in order; the zero hash for no leaves. */
export function merkleRoot(leaves: readonly Uint8Array[]): Hash {
  let level = leaves.map(leafHash)
  if (level.length === 0) return ZERO_HASH
  while (level.length > 1) level = pairUp(level, (left, right) => keccak(NODE, left, right))
  return toHex(level[0]!) as Hash
}

export function merkleProof(leaves: readonly Uint8Array[], index: number): Proof {
  const siblings: Hash[] = []
  let level = leaves.map(leafHash)
  for (let at = index; level.length > 1; at >>= 1) {
    const sibling = level[at ^ 1]
    if (sibling) siblings.push(toHex(sibling) as Hash)
    level = pairUp(level, (left, right) => keccak(NODE, left, right))
  }
  return { index, siblings }
}

/** True where `leaf` stands at `proof.index` among `count` leaves under `root`. */
export function merkleVerify(root: Hash, count: number, leaf: Uint8Array, proof: Proof): boolean {
  const path = walk(count, proof.index, proof.siblings)
  if (!path) return false
  const top = path.reduce(
    (hash, { sibling, right }) =>
      right ? keccak(NODE, fromHex(sibling), hash) : keccak(NODE, hash, fromHex(sibling)),
    leafHash(leaf),
  )
  return toHex(top) === root
}

/** What an account may have claimed in all, over all batches so far. */
export interface Payout {
  readonly account: Address
  readonly cumulativeWei: bigint
}

export interface SumNode {
  readonly hash: Hash
  readonly sumWei: bigint
}

export interface SumProof {
  readonly index: number
  readonly siblings: readonly SumNode[]
}

/** Root of the payouts in the order given, with their total. */
export function sumRoot(payouts: readonly Payout[]): SumNode {
  let level = payouts.map(sumLeaf)
  if (level.length === 0) return { hash: ZERO_HASH, sumWei: 0n }
  while (level.length > 1) level = pairUp(level, sumNode)
  return level[0]!
}

export function sumProof(payouts: readonly Payout[], index: number): SumProof {
  const siblings: SumNode[] = []
  let level = payouts.map(sumLeaf)
  for (let at = index; level.length > 1; at >>= 1) {
    const sibling = level[at ^ 1]
    if (sibling) siblings.push(sibling)
    level = pairUp(level, sumNode)
  }
  return { index, siblings }
}

/** True where `payout` stands at `proof.index` among `count` payouts under `root`. */
export function sumVerify(root: SumNode, count: number, payout: Payout, proof: SumProof): boolean {
  const path = walk(count, proof.index, proof.siblings)
  if (!path) return false
  const top = path.reduce(
    (node, { sibling, right }) => (right ? sumNode(sibling, node) : sumNode(node, sibling)),
    sumLeaf(payout),
  )
  return top.hash === root.hash && top.sumWei === root.sumWei
}

function leafHash(leaf: Uint8Array): Uint8Array {
  return keccak(LEAF, leaf)
}

function sumLeaf({ account, cumulativeWei }: Payout): SumNode {
  const hash = toHex(keccak(LEAF, fromHex(account), word(cumulativeWei))) as Hash
  return { hash, sumWei: cumulativeWei }
}

function sumNode(left: SumNode, right: SumNode): SumNode {
  const hash = toHex(
    keccak(NODE, fromHex(left.hash), word(left.sumWei), fromHex(right.hash), word(right.sumWei)),
  ) as Hash
  return { hash, sumWei: left.sumWei + right.sumWei }
}

function pairUp<T>(level: readonly T[], join: (left: T, right: T) => T): T[] {
  const above: T[] = []
  for (let i = 0; i < level.length; i += 2) {
    const right = level[i + 1]
    above.push(right === undefined ? level[i]! : join(level[i]!, right))
  }
  return above
}

/** Pairs each sibling with the side on which the path comes up; `undefined` where their number does not fit the count. */
function walk<T>(
  count: number,
  index: number,
  siblings: readonly T[],
): { sibling: T; right: boolean }[] | undefined {
  if (!Number.isInteger(index) || index < 0 || index >= count) return undefined
  const path: { sibling: T; right: boolean }[] = []
  let used = 0
  for (let at = index, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue
    const sibling = siblings[used++]
    if (sibling === undefined) return undefined
    path.push({ sibling, right: at % 2 === 1 })
  }
  return used === siblings.length ? path : undefined
}
