/**
 * Two trees. A plain Merkle tree commits lists (receipts, index rows, contributions); a Merkle-sum tree commits payouts,
 * its root carrying their total so that it cannot promise more than was funded. Leaves and nodes are hashed under
 * different prefixes, and an odd node moves up alone: it is never doubled. Where a leaf's place matters it is checked
 * against the count; where the leaf says all of itself, the way up is enough. `contracts/src/libraries/MerkleTree.sol`
 * repeats both.
 */
import type { Address } from './fields.ts'
import { concat, fromHex, type Hash, keccak, toHex, word, ZERO_HASH } from './hash.ts'

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

/** The way up of the leaf at `index`. */
export function merkleWay(leaves: readonly Uint8Array[], index: number): Way {
  const { siblings } = merkleProof(leaves, index)
  return { path: pathOf(leaves.length, index), siblings }
}

/** True where `leaf` stands somewhere under `root`. */
export function merkleHolds(root: Hash, leaf: Uint8Array, { path, siblings }: Way): boolean {
  const top = climb(toHex(leafHash(leaf)) as Hash, path, siblings, (left, right) =>
    toHex(keccak(NODE, fromHex(left), fromHex(right))),
  )
  return top === root
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
  let level = payouts.map(sumLeaf)
  if (level.length === 0) return ZERO_HASH
  while (level.length > 1) level = pairUp(level, sumNode)
  return level[0]!
}

/** The wei below a node of a Merkle-sum tree. */
export function sumOf(node: Hash): bigint {
  return BigInt(node) & SUM_MASK
}

export function sumWay(payouts: readonly Payout[], index: number): Way {
  const siblings: Hash[] = []
  let level = payouts.map(sumLeaf)
  for (let at = index; level.length > 1; at >>= 1) {
    const sibling = level[at ^ 1]
    if (sibling) siblings.push(sibling)
    level = pairUp(level, sumNode)
  }
  return { path: pathOf(payouts.length, index), siblings }
}

/** True where `payout` stands somewhere under `root`. */
export function sumHolds(root: Hash, payout: Payout, { path, siblings }: Way): boolean {
  if (payout.cumulativeWei > SUM_MASK) return false
  const sum = siblings.reduce((total, node) => total + sumOf(node), payout.cumulativeWei)
  if (sum > SUM_MASK) return false
  return climb(sumLeaf(payout), path, siblings, sumNode) === root
}

function leafHash(leaf: Uint8Array): Uint8Array {
  return keccak(LEAF, leaf)
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

function climb(
  leaf: Hash,
  path: bigint,
  siblings: readonly Hash[],
  join: (left: Hash, right: Hash) => string,
): string {
  return siblings.reduce<string>((node, sibling, level) => {
    const right = (path >> BigInt(level)) & 1n
    return right ? join(sibling, node as Hash) : join(node as Hash, sibling)
  }, leaf)
}

/** A bit for each level at which the leaf at `index` has a sibling. */
function pathOf(count: number, index: number): bigint {
  let path = 0n
  let used = 0n
  for (let at = index, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue
    if (at % 2 === 1) path |= 1n << used
    used += 1n
  }
  return path
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
