/**
 * Proof that a run of tokens occurs exactly so often in a committed span index. Suffixes that begin with the run stand side
 * by side in the suffix array: its first and last place and the neighbours outside, with the text at each, bound the count
 * from both sides. That the array is the sorted one is the index's own claim, which any validator checks by rebuilding it.
 */
import type { Hash } from '../../protocol/hash.ts'
import { merkleProof, merkleVerify, type Proof } from '../../protocol/merkle.ts'
import { AttributionError } from './errors.ts'
import { findRange, type SpanIndex } from './span-index.ts'
import {
  indexHead,
  joinRoots,
  type SpanTree,
  SUFFIX_LEAF_ENTRIES,
  TEXT_LEAF_OVERLAP,
  TEXT_LEAF_SYMBOLS,
} from './span-tree.ts'

/** A longer run may reach out of the leaf that holds its first symbol. */
const MAX_PROOF_TOKENS = TEXT_LEAF_OVERLAP + 1

/** A leaf with its way up to the root over the text or over the suffix array. */
interface Opening {
  readonly leaf: Uint8Array
  readonly proof: Proof
}

export interface CountProof {
  readonly symbols: number
  readonly contributions: number
  readonly textRoot: Hash
  readonly suffixRoot: Hash
  /** The run's places in the suffix array: lo .. hi - 1. */
  readonly lo: number
  readonly hi: number
  /** For each place of `boundary(lo, hi)`: the suffix leaf with that place, and the text leaf with that suffix's start. */
  readonly openings: readonly { readonly suffix: Opening; readonly text: Opening }[]
}

/** Proves how often 1 .. MAX_PROOF_TOKENS tokens occur. Throws `AttributionError` `bad-shape` for a longer or empty run. */
export function proveCount(
  index: SpanIndex,
  tree: SpanTree,
  tokens: readonly number[],
): CountProof {
  if (tokens.length < 1 || tokens.length > MAX_PROOF_TOKENS) {
    const message = `a count of ${tokens.length} tokens; give 1 to ${MAX_PROOF_TOKENS}`
    throw new AttributionError('bad-shape', message)
  }
  const { lo, hi } = findRange(index, tokens, 0, tokens.length)
  const symbols = index.text.length
  const open = (leaves: readonly Uint8Array[], at: number): Opening => ({
    leaf: leaves[at]!,
    proof: merkleProof(leaves, at),
  })
  const openings = boundary(lo, hi, symbols).map(({ place }) => ({
    suffix: open(tree.suffixLeaves, Math.floor(place / SUFFIX_LEAF_ENTRIES)),
    text: open(tree.textLeaves, Math.floor(index.suffixes[place]! / TEXT_LEAF_SYMBOLS)),
  }))
  const { textRoot, suffixRoot } = tree
  const contributions = index.starts.length
  return { symbols, contributions, textRoot, suffixRoot, lo, hi, openings }
}

/** The proved count of `tokens` under `root`, or `undefined` where the proof does not hold. */
export function verifyCount(
  root: Hash,
  tokens: readonly number[],
  proof: CountProof,
): number | undefined {
  const { symbols, contributions, textRoot, suffixRoot, lo, hi, openings } = proof
  const whole = [symbols, contributions, lo, hi].every((n) => Number.isSafeInteger(n) && n >= 0)
  if (!whole || lo > hi || hi > symbols) return undefined
  if (tokens.length < 1 || tokens.length > MAX_PROOF_TOKENS) return undefined
  if (joinRoots(indexHead(symbols, contributions), textRoot, suffixRoot) !== root) return undefined
  const places = boundary(lo, hi, symbols)
  if (openings.length !== places.length) return undefined
  const holds = places.every(({ place, order }, i) => {
    const { suffix, text } = openings[i]!
    const entry = read(suffixRoot, symbols, SUFFIX_LEAF_ENTRIES, 0, place, suffix)?.[0]
    const from =
      entry === undefined ? undefined : read(textRoot, symbols, TEXT_LEAF_SYMBOLS, 1, entry, text)
    return from !== undefined && compare(from, tokens) === order
  })
  return holds ? hi - lo : undefined
}

/** The places to open, and how the suffix there stands to the run: below it, beginning with it, or above. */
function boundary(lo: number, hi: number, symbols: number): { place: number; order: number }[] {
  const inside =
    hi > lo
      ? [
          { place: lo, order: 0 },
          { place: hi - 1, order: 0 },
        ]
      : []
  const all = [{ place: lo - 1, order: -1 }, ...inside, { place: hi, order: 1 }]
  return all.filter(({ place }) => place >= 0 && place < symbols)
}

/** The opened leaf's words from the number `at` of the committed list onwards; `undefined` where it is not in the tree. */
function read(
  root: Hash,
  count: number,
  step: number,
  prefix: number,
  at: number,
  { leaf, proof }: Opening,
): number[] | undefined {
  const number = Math.floor(at / step)
  if (at >= count || proof.index !== number || leaf.length % 4 !== 0) return undefined
  if (!merkleVerify(root, Math.ceil(count / step), leaf, proof)) return undefined
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  const skipped = prefix + (at - number * step)
  const length = Math.max(0, leaf.length / 4 - skipped)
  return Array.from({ length }, (_, i) => view.getUint32(4 * (skipped + i)))
}

/** -1, 0 or 1: how the text from a suffix's start stands to the run's symbols. 0 means that it begins with them. */
function compare(symbols: readonly number[], tokens: readonly number[]): number | undefined {
  for (const [i, token] of tokens.entries()) {
    const symbol = symbols[i]
    if (symbol === undefined) return undefined
    if (symbol !== token + 1) return symbol < token + 1 ? -1 : 1
  }
  return 0
}
