/**
 * Whose data shaped an answer, in integers. A row of the gradient index is a vector of int8; so is the answer's own
 * gradient; a score is their dot product, exact on every machine and on chain. Pay follows signed totals over a batch,
 * never the best positives of single answers: that rule paid one-token spam 15 to 35 % in trials, signed totals 0 %.
 */
import { z } from 'zod'
import { type Address, address } from './fields.ts'
import { concat, fromHex, type Hash, keccak, utf8, word } from './hash.ts'
import { merkleRoot } from './merkle.ts'

/** Contributors that one answer may credit. */
const MAX_SHARES = 4096

/** A signed whole number that a JavaScript number holds exactly. */
const signed = z.number().int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER)
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** One contributor's part in one answer. */
const Share = z.strictObject({
  contributor: address,
  /** Rows of this contributor in the index. */
  rows: count,
  /** Sum of the scores of those rows; negative where the data pulled away from the answer. */
  score: signed,
})
export type Share = z.output<typeof Share>

/** An answer's attribution: shares ascending by contributor, and the noise of rows that were never trained on. */
export const Attribution = z.strictObject({
  shares: z.array(Share).max(MAX_SHARES),
  decoys: count,
  /** Sum of the decoys' squared scores, as a decimal string. */
  decoySquares: z.string().regex(/^(0|[1-9][0-9]{0,30})$/),
})
export type Attribution = z.output<typeof Attribution>

/** What a claim commits to about an answer beside its tokens and states: who shaped it, by which row, and what it cites. */
export interface Shaped {
  readonly attribution: Attribution
  /** The answer's own row. */
  readonly query: Uint8Array
  readonly tokens: readonly number[]
  readonly spans: readonly { start: number; end: number; occurrences: number }[]
}

/** The root that a claim carries for an answer. */
export function attributionRoot(shaped: Shaped): Hash {
  return merkleRoot(attributionLeaves(shaped))
}

/**
 * Its leaves: the decoys' figures with the answer's row, then the shares, then the spans. Each begins with its name, so
 * none can be passed off as another, and the L2 can be shown any of them: `contracts/src/libraries/Evidence.sol`.
 */
export function attributionLeaves({ attribution, query, tokens, spans }: Shaped): Uint8Array[] {
  const { shares, decoys, decoySquares } = attribution
  return [
    concat(utf8('decoys'), bytesOf(decoys, 8), bytesOf(BigInt(decoySquares), 16), keccak(query)),
    ...shares.map(({ contributor, rows, score }) =>
      concat(utf8('share'), fromHex(contributor), bytesOf(rows, 8), bytesOf(score, 8)),
    ),
    ...spans.map(({ start, end, occurrences }) => {
      const run = keccak(tokenBytes(tokens.slice(start, end)))
      return concat(utf8('span'), bytesOf(occurrences, 4), run)
    }),
  ]
}

/** Tokens as big-endian words of 32 bits. */
export function tokenBytes(tokens: readonly number[]): Uint8Array {
  return concat(...tokens.map((token) => bytesOf(token, 4)))
}

/** What a fine-tune's claim carries in that place: the gradient index and the span index under one root. */
export function indexesRoot(influence: Hash, spans: Hash): Hash {
  return merkleRoot([
    concat(utf8('influence'), fromHex(influence)),
    concat(utf8('spans'), fromHex(spans)),
  ])
}

/** A whole number in so many bytes, big-endian; negative ones in two's complement. */
function bytesOf(value: number | bigint, length: number): Uint8Array {
  return word(BigInt.asUintN(8 * length, BigInt(value))).subarray(32 - length)
}

/** Integer dot product of two int8 vectors of equal length: at most 127² a coordinate, so exact in a double. */
export function score(row: Int8Array, query: Int8Array): number {
  if (row.length !== query.length) throw new RangeError(`${row.length} against ${query.length}`)
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += row[i]! * query[i]!
  return sum
}

/** Scores of all rows summed by contributor. `owners[i]` owns row i; a row without an owner is a decoy. */
export function attribute(
  rows: readonly Int8Array[],
  owners: readonly (Address | undefined)[],
  query: Int8Array,
): Attribution {
  const totals = new Map<Address, Share>()
  let decoys = 0
  let squares = 0n
  for (const [index, row] of rows.entries()) {
    const scored = score(row, query)
    const owner = owners[index]
    if (owner === undefined) {
      decoys += 1
      squares += BigInt(scored) ** 2n
      continue
    }
    const held = totals.get(owner) ?? { contributor: owner, rows: 0, score: 0 }
    totals.set(owner, { ...held, rows: held.rows + 1, score: held.score + scored })
  }
  const shares = [...totals.values()].sort((a, b) => (a.contributor < b.contributor ? -1 : 1))
  return { shares, decoys, decoySquares: squares.toString() }
}

/** What one answer brings to a settlement. */
export interface Weighed {
  readonly feeWei: bigint
  readonly attribution: Attribution
}

/**
 * Who is paid out of a pool, and with which weight: V = Σ fee · score, where it clears the noise floor.
 * The floor is so many thousandths of a standard deviation of a sum of as many decoy scores: V² > strictness² · Σ fee² ·
 * rows · (Σ decoy² / decoys). In integers, so that every machine agrees.
 */
export function weights(answers: readonly Weighed[], strictness: number): Map<Address, bigint> {
  const value = new Map<Address, bigint>()
  const noise = new Map<Address, bigint>()
  for (const { feeWei, attribution } of answers) {
    const variance =
      (NOISE_SCALE * BigInt(attribution.decoySquares)) / BigInt(attribution.decoys || 1)
    for (const { contributor, rows, score } of attribution.shares) {
      add(value, contributor, feeWei * BigInt(score))
      add(noise, contributor, feeWei * feeWei * BigInt(rows) * variance)
    }
  }
  const floor = BigInt(strictness) ** 2n
  return new Map(
    [...value]
      .filter(([who, v]) => v > 0n && 1_000_000n * NOISE_SCALE * v * v > floor * noise.get(who)!)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Keeps six digits of the decoys' variance through the integer division. */
const NOISE_SCALE = 1_000_000n

function add(to: Map<Address, bigint>, who: Address, amount: bigint): void {
  to.set(who, (to.get(who) ?? 0n) + amount)
}

/**
 * The leaf that lets the L2 check a share in one step: the sum of a contributor's rows (D), whose product with the
 * answer's row is the share. Each coordinate takes as many bytes as that many rows may need.
 */
export function sumLeaf(contributor: Address, rows: readonly Int8Array[]): Uint8Array {
  const width = rows[0]?.length ?? 0
  const size = sumBytes(rows.length)
  const sums = new Uint8Array(width * size)
  const view = new DataView(new ArrayBuffer(4))
  for (let i = 0; i < width; i++) {
    view.setInt32(
      0,
      rows.reduce((sum, row) => sum + row[i]!, 0),
    )
    sums.set(new Uint8Array(view.buffer, 4 - size), i * size)
  }
  return concat(utf8('sum'), fromHex(contributor), bytesOf(rows.length, 8), sums)
}

/** Bytes of a coordinate: one holds a sum of one row, two of 256, three of 66,000. */
function sumBytes(rows: number): number {
  return [1, 2, 3].find((size) => rows * 128 <= 2 ** (8 * size - 1)) ?? 4
}

/** The leaf of an index row: its example's number, then its bytes. */
export function rowLeaf(example: number, row: Int8Array): Uint8Array {
  const leaf = new Uint8Array(32 + row.length)
  leaf.set(word(example))
  leaf.set(new Uint8Array(row.buffer, row.byteOffset, row.length), 32)
  return leaf
}
