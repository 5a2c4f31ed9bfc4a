/**
 * Two trees. A plain Merkle tree commits lists (receipts, index rows, contributions); a Merkle-sum tree commits payouts,
 * its root carrying their total so that it cannot promise more than was funded. Leaves and nodes are hashed under
 * different prefixes, and an odd node moves up alone: it is never doubled. Where a leaf's place matters it is checked
 * against the count; where the leaf says all of itself, the way up is enough. `contracts/src/libraries/MerkleTree.sol`
 * repeats both.
 */
import type { Address } from './fields.ts'
import { concat, fromHex, type Hash, keccak, keccakHash, toHex, word, ZERO_HASH } from './hash.ts'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export interface Proof {
  readonly index: number
  /** Siblings from the leaf upwards; a level at which the node moved up alone has none. */
  readonly siblings: readonly Hash[]
}

/** The way from a leaf up to the root, for those who need not know its place. */
export interface Way {
  /** One bit a sibling, lowest first: set where the way comes up on the right. */
  readonly path: bigint
  readonly siblings: readonly Hash[]
}

/** Root over the leaves' bytes, in order; the zero hash for no leaves. */
export function merkleRoot(leaves: readonly Uint8Array[]): Hash {
  return rootOf(leaves.map(merkleLeaf), merkleNode)
}

export function merkleProof(leaves: readonly Uint8Array[], index: number): Proof {
  return { index, siblings: siblingsOf(leaves.map(merkleLeaf), index, merkleNode) }
}

/** True where `leaf` stands at `proof.index` among `count` leaves under `root`. */
export function merkleVerify(root: Hash, count: number, leaf: Uint8Array, proof: Proof): boolean {
  const { index, siblings } = proof
  if (!Number.isInteger(index) || index < 0 || index >= count) return false
  const { path, levels } = pathOf(count, index)
  return levels === siblings.length && merkleHolds(root, leaf, { path, siblings })
}

/** The way up of the leaf at `index`. */
export function merkleWay(leaves: readonly Uint8Array[], index: number): Way {
  const { siblings } = merkleProof(leaves, index)
  return { path: pathOf(leaves.length, index).path, siblings }
}

/** True where `leaf` stands somewhere under `root`. */
export function merkleHolds(root: Hash, leaf: Uint8Array, way: Way): boolean {
  return climb(merkleLeaf(leaf), way, merkleNode) === root
}

/** The node of a leaf. */
export function merkleLeaf(leaf: Uint8Array): Hash {
  return keccakHash(LEAF, leaf)
}

/** The node above two. */
export function merkleNode(left: Hash, right: Hash): Hash {
  return keccakHash(NODE, fromHex(left), fromHex(right))
}

/** What an account may have claimed in all, over all batches so far. */
export interface Payout {
  readonly account: Address
  readonly cumulativeWei: bigint
}

/**
 * Root of the payouts in the order given. A node of this tree is one word: 160 bits of hash over 96 bits of wei, the sum
 * of all below it. The shorter hash is as hard to meet as an account's address, and makes a claim cheap.
 */
export function sumRoot(payouts: readonly Payout[]): Hash {
  return rootOf(payouts.map(sumLeaf), sumNode)
}

/** The wei below a node of a Merkle-sum tree. */
export function sumOf(node: Hash): bigint {
  return BigInt(node) & SUM_MASK
}

export function sumWay(payouts: readonly Payout[], index: number): Way {
  return joinedWay(payouts.map(sumLeaf), index)
}

/** Root over nodes of Merkle-sum trees, which are its parts. */
export function joinedRoot(nodes: readonly Hash[]): Hash {
  return rootOf([...nodes], sumNode)
}

/** The way from one of such nodes up to `joinedRoot`. */
export function joinedWay(nodes: readonly Hash[], index: number): Way {
  return {
    path: pathOf(nodes.length, index).path,
    siblings: siblingsOf([...nodes], index, sumNode),
  }
}

/** True where `payout` stands somewhere under `root`. */
export function sumHolds(root: Hash, payout: Payout, way: Way): boolean {
  if (payout.cumulativeWei > SUM_MASK) return false
  const sum = way.siblings.reduce((total, node) => total + sumOf(node), payout.cumulativeWei)
  if (sum > SUM_MASK) return false
  return climb(sumLeaf(payout), way, sumNode) === root
}

const SUM_MASK = 2n ** 96n - 1n
/** Bytes of a node that are its hash; the other twelve are its sum. */
const HASH_BYTES = 20

function sumLeaf({ account, cumulativeWei }: Payout): Hash {
  const sum = word(cumulativeWei).subarray(HASH_BYTES)
  return toHex(concat(keccak(LEAF, fromHex(account), sum).subarray(0, HASH_BYTES), sum)) as Hash
}

function sumNode(left: Hash, right: Hash): Hash {
  const hash = keccak(NODE, fromHex(left), fromHex(right)).subarray(0, HASH_BYTES)
  const sum = word(sumOf(left) + sumOf(right)).subarray(HASH_BYTES)
  return toHex(concat(hash, sum)) as Hash
}

/** How two nodes make the one above them. */
type Join = (left: Hash, right: Hash) => Hash

function rootOf(nodes: Hash[], join: Join): Hash {
  let level = nodes
  while (level.length > 1) level = pairUp(level, join)
  return level[0] ?? ZERO_HASH
}

/** Those beside the way up from one of the nodes, from the bottom. */
function siblingsOf(nodes: Hash[], index: number, join: Join): Hash[] {
  const siblings: Hash[] = []
  let level = nodes
  for (let at = index; level.length > 1; at >>= 1) {
    const sibling = level[at ^ 1]
    if (sibling) siblings.push(sibling)
    level = pairUp(level, join)
  }
  return siblings
}

function climb(from: Hash, { path, siblings }: Way, join: Join): Hash {
  return siblings.reduce((node, sibling, level) => {
    const right = (path >> BigInt(level)) & 1n
    return right ? join(sibling, node) : join(node, sibling)
  }, from)
}

/** A bit for each level at which the leaf at `index` has a sibling, and how many levels there are. */
function pathOf(count: number, index: number): { path: bigint; levels: number } {
  let path = 0n
  let levels = 0
  for (let at = index, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue
    if (at % 2 === 1) path |= 1n << BigInt(levels)
    levels += 1
  }
  return { path, levels }
}

function pairUp(level: readonly Hash[], join: Join): Hash[] {
  const above: Hash[] = []
  for (let i = 0; i < level.length; i += 2) {
    const right = level[i + 1]
    above.push(right === undefined ? level[i]! : join(level[i]!, right))
  }
  return above
}
