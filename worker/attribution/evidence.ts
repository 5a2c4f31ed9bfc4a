/**
 * What shows the L2 that an answer's attribution is false: one part of one share's product, or one place of the suffix
 * array. Whoever holds the adapter's indexes finds it; `Disputes.sol` checks it.
 */
import type { Answer } from '../../protocol/answer.ts'
import { scoreParts } from '../../protocol/attribution.ts'
import {
  type InfluenceLeaves,
  type RowPart,
  rowPart,
  rowSumWay,
  type Shaped,
  shareWay,
  spanWay,
} from '../../protocol/evidence.ts'
import type { Hash } from '../../protocol/hash.ts'
import { merkleProof, type Way } from '../../protocol/merkle.ts'
import { AttributionError } from './errors.ts'
import { findRange, type SpanIndex } from './span-index.ts'
import { type SpanTree, SUFFIX_LEAF_ENTRIES, TEXT_LEAF_SYMBOLS } from './span-tree.ts'

/** A false share, by one part of it. */
export interface ScoreEvidence {
  readonly decoys: number
  readonly decoySquares: string
  readonly share: Answer['attribution']['shares'][number]
  readonly shareWay: Way
  /** Rows of the contributor in the index. */
  readonly rows: number
  readonly sumWay: Way
  readonly part: number
  readonly query: RowPart
  readonly vector: RowPart
}

/** Opens a share of an answer for the L2, at one part of it. Throws `AttributionError` `bad-shape` for no contributor's. */
export function shareEvidence(
  answer: Shaped,
  index: InfluenceLeaves,
  share: number,
  part: number,
): ScoreEvidence {
  const { shares, decoys, decoySquares } = answer.attribution
  const claimed = shares[share]!
  const at = index.sums.findIndex(({ contributor }) => contributor === claimed.contributor)
  const sum = index.sums[at]
  if (!sum) {
    const message = `${claimed.contributor} has no rows in the index, so the L2 cannot be shown any`
    throw new AttributionError('bad-shape', message)
  }
  return {
    ...{ decoys, decoySquares, share: claimed, part, rows: sum.rows },
    shareWay: shareWay(answer, share),
    sumWay: rowSumWay(index, at),
    query: rowPart(answer.query, 1, part),
    vector: rowPart(sum.bytes, sum.coordinateBytes, part),
  }
}

/** The first share of an answer that the L2 would find false, opened at the part that shows it. */
export function falseShare(answer: Shaped, index: InfluenceLeaves): ScoreEvidence | undefined {
  const query = signed(answer.query, 1)
  for (const [share, { contributor, rows, parts }] of answer.attribution.shares.entries()) {
    const sum = index.sums.find((held) => held.contributor === contributor)
    if (!sum) continue
    const own = scoreParts(signed(sum.bytes, sum.coordinateBytes), query)
    const part = parts.findIndex((claimed, number) => claimed !== own[number])
    if (part >= 0 || rows !== sum.rows) {
      return shareEvidence(answer, index, share, Math.max(part, 0))
    }
  }
  return undefined
}

/** Coordinates of so many bytes each, big-endian, in two's complement. */
function signed(bytes: Uint8Array, coordinateBytes: number): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Int32Array.from({ length: bytes.length / coordinateBytes }, (_, i) => {
    let value = view.getInt8(i * coordinateBytes)
    for (let at = 1; at < coordinateBytes; at++) {
      value = value * 256 + view.getUint8(i * coordinateBytes + at)
    }
    return value
  })
}

/** A leaf with the hashes beside its way up. */
interface Opening {
  readonly leaf: Uint8Array
  readonly siblings: readonly Hash[]
}

/** A place of the suffix array: its entry, and the text at the suffix that stands there. */
export interface OpenPlace {
  readonly place: number
  readonly suffix: Opening
  readonly text: Opening
}

/** A span that is not cited where it stands, by one place. */
export interface CountEvidence {
  readonly span: Shaped['spans'][number]
  readonly tokens: readonly number[]
  readonly spanWay: Way
  readonly symbols: number
  readonly contributions: number
  readonly textRoot: Hash
  readonly suffixRoot: Hash
  readonly shown: OpenPlace
}

/** Opens a place of the suffix array for the L2, against a span of an answer. */
export function countEvidence(
  answer: Shaped,
  index: SpanIndex,
  tree: SpanTree,
  span: number,
  place: number,
): CountEvidence {
  const cited = answer.spans[span]!
  return {
    span: cited,
    tokens: answer.tokens.slice(cited.start, cited.end),
    spanWay: spanWay(answer, span),
    symbols: index.text.length,
    contributions: index.starts.length,
    textRoot: tree.textRoot,
    suffixRoot: tree.suffixRoot,
    shown: openPlace(index, tree, place),
  }
}

/** The first span of an answer that the L2 would find false, with a place that shows it. */
export function falseSpan(
  answer: Shaped,
  index: SpanIndex,
  tree: SpanTree,
): CountEvidence | undefined {
  for (const [number, { start, end, place, occurrences }] of answer.spans.entries()) {
    const { lo, hi } = findRange(index, answer.tokens, start, end)
    const until = place + occurrences
    if (place === lo && until === hi) continue
    // Any place that is in one of both ranges, and not in the other.
    const named = [place, until - 1].find(
      (at) => at >= place && at < until && (at < lo || at >= hi),
    )
    const missed = [lo, hi - 1].find((at) => at >= lo && at < hi && (at < place || at >= until))
    const shown = Math.min(named ?? missed ?? 0, index.text.length - 1)
    return countEvidence(answer, index, tree, number, shown)
  }
  return undefined
}

function openPlace(index: SpanIndex, tree: SpanTree, place: number): OpenPlace {
  const open = (leaves: readonly Uint8Array[], at: number): Opening => {
    return { leaf: leaves[at]!, siblings: merkleProof(leaves, at).siblings }
  }
  return {
    place,
    suffix: open(tree.suffixLeaves, Math.floor(place / SUFFIX_LEAF_ENTRIES)),
    text: open(tree.textLeaves, Math.floor(index.suffixes[place]! / TEXT_LEAF_SYMBOLS)),
  }
}
