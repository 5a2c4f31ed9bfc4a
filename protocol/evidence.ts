/**
 * What claims commit to, leaf by leaf, so that the L2 can be shown any of it: an answer's attribution, and the gradient
 * index that its shares are worked out from. `contracts/src/libraries/Evidence.sol` repeats the leaves. Each begins with
 * its name, so none can be passed off as another.
 *
 * Showing costs by the byte, so what is shown is small. An answer's row and a contributor's sum of rows are committed in
 * `SCORE_PARTS` parts, and a share names the product of each: a false one shows by a single part. What every case
 * needs stands at the top of its tree.
 */
import { type Attribution, inParts, type PartsOf, type SummedRows } from './attribution.ts'
import type { Address } from './fields.ts'
import { concat, fromHex, type Hash, keccak, utf8, word } from './hash.ts'
import { merkleLeaf, merkleNode, merkleProof, merkleRoot, merkleWay, type Way } from './merkle.ts'

/** What a claim commits to about an answer beside its tokens and states: who shaped it, by which row, and what it cites. */
export interface Shaped {
  readonly attribution: Attribution
  /** The answer's own row. */
  readonly query: Uint8Array
  readonly tokens: readonly number[]
  readonly spans: readonly CitedSpan[]
}

/** A run of an answer's tokens, and the places of the suffix array that begin with it: so many from `place` on. */
interface CitedSpan {
  readonly start: number
  readonly end: number
  readonly occurrences: number
  readonly place: number
}

/** The root that a claim carries for an answer: its head on the left, the tree of all else on the right. */
export function attributionRoot(shaped: Shaped): Hash {
  return merkleNode(merkleLeaf(headLeaf(shaped)), merkleRoot(shapedLeaves(shaped)))
}

/** The noise that the decoys measured, and the answer's own row. */
export function headLeaf({ attribution, query }: Shaped): Uint8Array {
  const { decoys, decoySquares } = attribution
  const squares = bytesOf(BigInt(decoySquares), 16)
  return concat(utf8('decoys'), bytesOf(decoys, 8), squares, fromHex(partsRoot(query, 1)))
}

/** The leaves beside the head: the shares, then the spans. */
export function shapedLeaves({ attribution, tokens, spans }: Shaped): Uint8Array[] {
  return [
    ...attribution.shares.map(({ contributor, rows, parts }) =>
      concat(utf8('share'), fromHex(contributor), bytesOf(rows, 8), partsBytes(parts)),
    ),
    ...spans.map(({ start, end, occurrences, place }) => {
      const run = keccak(tokenBytes(tokens.slice(start, end)))
      return concat(utf8('span'), bytesOf(place, 4), bytesOf(occurrences, 4), run)
    }),
  ]
}

/** The way from a share's leaf to the node beside the head. */
export function shareWay(shaped: Shaped, share: number): Way {
  return merkleWay(shapedLeaves(shaped), share)
}

/** The way from a span's leaf to the root. */
export function spanWay(shaped: Shaped, span: number): Way {
  const way = merkleWay(shapedLeaves(shaped), shaped.attribution.shares.length + span)
  return rightOf(way, merkleLeaf(headLeaf(shaped)))
}

/** The parts of a score in one word: eight bytes each, the first on the left. */
export function partsBytes(parts: PartsOf<number>): Uint8Array {
  return concat(...parts.map((part) => bytesOf(part, 8)))
}

/** Tokens as big-endian words of 32 bits. */
export function tokenBytes(tokens: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * tokens.length))
  for (const [place, token] of tokens.entries()) view.setUint32(4 * place, token)
  return new Uint8Array(view.buffer)
}

/** What a fine-tune's claim carries in that place: the gradient index and the span index under one root. */
export function indexesRoot(influence: Hash, spans: Hash): Hash {
  return merkleRoot([
    concat(utf8('influence'), fromHex(influence)),
    concat(utf8('spans'), fromHex(spans)),
  ])
}

/** The sum of a contributor's rows, whose product with an answer's row is the share. */
export interface RowSum {
  readonly contributor: Address
  readonly rows: number
  /** Each coordinate big-endian, in as many bytes as a sum of so many rows may need. */
  readonly bytes: Uint8Array
  readonly coordinateBytes: number
}

/** A sum as the index commits to it. */
export function rowSum({ contributor, rows, sum }: SummedRows): RowSum {
  const coordinateBytes = [1, 2, 3].find((size) => rows * 128 <= 2 ** (8 * size - 1)) ?? 4
  const bytes = new Uint8Array(sum.length * coordinateBytes)
  const view = new DataView(new ArrayBuffer(4))
  for (const [i, coordinate] of sum.entries()) {
    view.setInt32(0, coordinate)
    bytes.set(new Uint8Array(view.buffer, 4 - coordinateBytes), i * coordinateBytes)
  }
  return { contributor, rows, bytes, coordinateBytes }
}

export function rowSumLeaf({ contributor, rows, bytes, coordinateBytes }: RowSum): Uint8Array {
  const root = fromHex(partsRoot(bytes, coordinateBytes))
  return concat(utf8('sum'), fromHex(contributor), bytesOf(rows, 8), root)
}

/** The leaf of an index row: its example's number, then its bytes. */
export function rowLeaf(example: number, row: Int8Array): Uint8Array {
  return concat(word(example), new Uint8Array(row.buffer, row.byteOffset, row.length))
}

/** The leaves of a gradient index. */
export interface InfluenceLeaves {
  readonly head: Uint8Array
  readonly rows: readonly Uint8Array[]
  /** Ascending by contributor. */
  readonly sums: readonly RowSum[]
}

/** The root of a gradient index: its head on the left; on the right the rows and, beside them, the contributors' sums. */
export function influenceRoot({ head, rows, sums }: InfluenceLeaves): Hash {
  return merkleNode(
    merkleLeaf(head),
    merkleNode(merkleRoot(rows), merkleRoot(sums.map(rowSumLeaf))),
  )
}

/** The way from a sum's leaf to the root. */
export function rowSumWay({ head, rows, sums }: InfluenceLeaves, sum: number): Way {
  const way = merkleWay(sums.map(rowSumLeaf), sum)
  return rightOf(rightOf(way, merkleRoot(rows)), merkleLeaf(head))
}

/** A way that goes on upwards on the right of another node. */
function rightOf({ path, siblings }: Way, left: Hash): Way {
  return { path: path | (1n << BigInt(siblings.length)), siblings: [...siblings, left] }
}

/** A part of a row, with the way up to the row's root. */
export interface RowPart {
  readonly coordinates: Uint8Array
  readonly siblings: readonly Hash[]
}

/** One part of a row whose coordinates take so many bytes each: 0 to `SCORE_PARTS` - 1. */
export function rowPart(row: Uint8Array, coordinateBytes: number, part: number): RowPart {
  const parts = rowParts(row, coordinateBytes)
  return { coordinates: parts[part]!, siblings: merkleProof(parts, part).siblings }
}

function rowParts(row: Uint8Array, coordinateBytes: number): PartsOf<Uint8Array> {
  const width = row.length / coordinateBytes
  return inParts(width, (from, to) => row.subarray(from * coordinateBytes, to * coordinateBytes))
}

function partsRoot(row: Uint8Array, coordinateBytes: number): Hash {
  return merkleRoot(rowParts(row, coordinateBytes))
}

/** A whole number in so many bytes, big-endian; negative ones in two's complement. */
function bytesOf(value: number | bigint, length: number): Uint8Array {
  return word(BigInt.asUintN(8 * length, BigInt(value))).subarray(32 - length)
}
