/**
 * The root that commits a span index. Three leaves make the root: the size, the root over the text and the root over the
 * suffix array. A text of one order has one suffix array, so whoever rebuilds the index needs no proof; the L2, which does
 * not, can be shown any place of it (`evidence.ts`).
 */
import { fromHex, type Hash, utf8 } from '../../protocol/hash.ts'
import { merkleRoot } from '../../protocol/merkle.ts'
import { contributionAt, type SpanIndex } from './span-index.ts'

/** Symbols from the start of one text leaf to that of the next, */
export const TEXT_LEAF_SYMBOLS = 128
/** and those of the next leaf that it repeats: a run of up to one more symbol lies whole in the leaf of its start. */
const TEXT_LEAF_OVERLAP = 32
/** Entries of the suffix array in a leaf. */
export const SUFFIX_LEAF_ENTRIES = 64

export interface SpanTree {
  readonly textLeaves: readonly Uint8Array[]
  readonly suffixLeaves: readonly Uint8Array[]
  readonly textRoot: Hash
  readonly suffixRoot: Hash
  readonly root: Hash
}

/**
 * The leaves and the root of an index. A text leaf is the number of the contribution that holds its first symbol, then its
 * symbols; a suffix leaf is its entries: all as big-endian 32-bit words.
 */
export function spanTree(index: SpanIndex): SpanTree {
  const { text, suffixes, starts } = index
  const textLeaves = leaves(text, TEXT_LEAF_SYMBOLS, TEXT_LEAF_OVERLAP, (start) => [
    contributionAt(index, start),
  ])
  const suffixLeaves = leaves(suffixes, SUFFIX_LEAF_ENTRIES, 0, () => [])
  const textRoot = merkleRoot(textLeaves)
  const suffixRoot = merkleRoot(suffixLeaves)
  const root = joinRoots(indexHead(text.length, starts.length), textRoot, suffixRoot)
  return { textLeaves, suffixLeaves, textRoot, suffixRoot, root }
}

/** The root an adapter commits: see `spanTree`. */
export function spanRoot(index: SpanIndex): Hash {
  return spanTree(index).root
}

function indexHead(symbols: number, contributions: number): Uint8Array {
  return utf8(`span index 1: ${symbols} symbols, ${contributions} contributions\n`)
}

function joinRoots(head: Uint8Array, textRoot: Hash, suffixRoot: Hash): Hash {
  return merkleRoot([head, fromHex(textRoot), fromHex(suffixRoot)])
}

function leaves(
  numbers: Int32Array,
  step: number,
  overlap: number,
  prefix: (start: number) => number[],
): Uint8Array[] {
  return Array.from({ length: Math.ceil(numbers.length / step) }, (_, leaf) => {
    const start = leaf * step
    const words = [...prefix(start), ...numbers.subarray(start, start + step + overlap)]
    const view = new DataView(new ArrayBuffer(4 * words.length))
    for (const [place, value] of words.entries()) view.setUint32(4 * place, value)
    return new Uint8Array(view.buffer)
  })
}
