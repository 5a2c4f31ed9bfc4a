/**
 * Whose data shaped an answer, in integers. A row of the gradient index is a vector of int8; so is the answer's own
 * gradient; a score is their dot product, exact on every machine and on chain. Pay follows signed totals over a batch,
 * never the best positives of single answers: that rule paid one-token spam 15 to 35 % in trials, signed totals 0 %.
 */
import { z } from 'zod'
import { type Address, address } from './fields.ts'

/** Contributors that one answer may credit, and so those whose examples an adapter may be trained on. */
export const MAX_SHARES = 4096

/** A signed whole number that a JavaScript number holds exactly. */
const signed = z.number().int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER)
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** A score is told in so many parts, each the product of as many coordinates: the L2 checks one and needs a quarter. */
export const SCORE_PARTS = 4
export type PartsOf<T> = [T, T, T, T]

/** One contributor's part in one answer. */
const Share = z.strictObject({
  contributor: address,
  /** Rows of this contributor in the index. */
  rows: count,
  /** Products of those rows' sum and the answer's row, by part: see `scoreOf`. */
  parts: z.tuple([signed, signed, signed, signed]),
})
export type Share = z.output<typeof Share>

/** The score of a contributor's rows in all; negative where the data pulled away from the answer. */
export function scoreOf({ parts }: Pick<Share, 'parts'>): number {
  return parts.reduce((sum, part) => sum + part, 0)
}

/** An answer's attribution: shares ascending by contributor, and the noise of rows that were never trained on. */
export const Attribution = z.strictObject({
  shares: z.array(Share).max(MAX_SHARES),
  decoys: count,
  /** Sum of the decoys' squared scores, as a decimal string. */
  decoySquares: z.string().regex(/^(0|[1-9][0-9]{0,30})$/),
})
export type Attribution = z.output<typeof Attribution>

/**
 * Integer dot product of two vectors of equal length, by part: of int8, or int32 for a sum of rows, so it is exact in a
 * double. Where the length is no multiple of `SCORE_PARTS` the last parts are shorter.
 */
export function scoreParts(
  row: Int8Array | Int32Array,
  query: Int8Array | Int32Array,
): PartsOf<number> {
  if (row.length !== query.length) throw new RangeError(`${row.length} against ${query.length}`)
  return inParts(row.length, (from, to) => {
    let sum = 0
    for (let i = from; i < to; i++) sum += row[i]! * query[i]!
    return sum
  })
}

/** What `take` makes of each part of so many coordinates. */
export function inParts<T>(width: number, take: (from: number, to: number) => T): PartsOf<T> {
  const size = Math.ceil(width / SCORE_PARTS)
  const part = (number: number): T =>
    take(Math.min(number * size, width), Math.min((number + 1) * size, width))
  return [part(0), part(1), part(2), part(3)]
}

/** Whether more contributors own rows than an answer may credit. `owners[i]` owns row i; a row without an owner is a decoy. */
export function hasTooManyOwners(owners: readonly (Address | undefined)[]): boolean {
  return new Set(owners.filter((owner) => owner !== undefined)).size > MAX_SHARES
}

/** Rows of a contributor in an index, as answers are scored by them: scores add up, so their sum does for all. */
export interface SummedRows {
  readonly contributor: Address
  readonly rows: number
  /** (D). */
  readonly sum: Int32Array
}

/** All that any answer is scored by. */
export interface ScoringRows {
  /** Ascending by contributor. */
  readonly sums: readonly SummedRows[]
  /** Each (D): they count one by one. */
  readonly decoys: readonly Int8Array[]
}

/** The rows (N, D) of an index as answers are scored by them. `owners[i]` owns row i; a row without an owner is a decoy. */
export function scoringRows(
  rows: readonly Int8Array[],
  owners: readonly (Address | undefined)[],
): ScoringRows {
  const owned = [...rows.keys()].filter((row) => owners[row])
  const sums = [...Map.groupBy(owned, (row) => owners[row]!)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([contributor, held]) =>
      summed(
        contributor,
        held.map((row) => rows[row]!),
      ),
    )
  return { sums, decoys: rows.filter((_, row) => !owners[row]) }
}

/** The sum of a contributor's rows, of equal length. */
export function summed(contributor: Address, rows: readonly Int8Array[]): SummedRows {
  return { contributor, rows: rows.length, sum: sumOf(rows, rows[0]?.length ?? 0) }
}

/** The sum (D) of rows, each (D). */
export function sumOf(rows: readonly Int8Array[], width: number): Int32Array {
  const sum = new Int32Array(width)
  for (const row of rows) for (let i = 0; i < width; i++) sum[i]! += row[i]!
  return sum
}

/** Scores of each contributor's rows for an answer's row, and what chance makes of them. */
export function attribute({ sums, decoys }: ScoringRows, query: Int8Array): Attribution {
  const shares = sums.map(({ sum, ...share }) => ({ ...share, parts: scoreParts(sum, query) }))
  const squares = decoys.reduce(
    (total, row) => total + BigInt(scoreOf({ parts: scoreParts(row, query) })) ** 2n,
    0n,
  )
  return { shares, decoys: decoys.length, decoySquares: squares.toString() }
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
  const floor = BigInt(strictness) ** 2n
  return new Map(
    [...totals(answers)]
      .filter(([, { value, noise }]) => value > 0n && SCALE * value * value > floor * noise)
      .map(([who, { value }]): [Address, bigint] => [who, value])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/**
 * How far a contributor's total stands above 0, in thousandths of a standard deviation of the noise, rounded down: what
 * `weights` compares with the strictness. `undefined` where the decoys measured no noise.
 */
export function strengthOf(answers: readonly Weighed[], who: Address): bigint | undefined {
  const { value, noise } = totals(answers).get(who) ?? { value: 0n, noise: 1n }
  if (noise === 0n) return undefined
  const strength = squareRoot((SCALE * value * value) / noise)
  return value < 0n ? -strength : strength
}

interface Total {
  value: bigint
  /** Variance of a sum of as many decoys, times `NOISE_SCALE`. */
  noise: bigint
}

function totals(answers: readonly Weighed[]): Map<Address, Total> {
  const held = new Map<Address, Total>()
  for (const { feeWei, attribution } of answers) {
    const variance =
      (NOISE_SCALE * BigInt(attribution.decoySquares)) / BigInt(attribution.decoys || 1)
    for (const { contributor, rows, parts } of attribution.shares) {
      const total = held.get(contributor) ?? { value: 0n, noise: 0n }
      total.value += feeWei * BigInt(scoreOf({ parts }))
      total.noise += feeWei * feeWei * BigInt(rows) * variance
      held.set(contributor, total)
    }
  }
  return held
}

/** Keeps six digits of the decoys' variance through the integer division. */
const NOISE_SCALE = 1_000_000n
/** Strictness is in thousandths, and squared. */
const SCALE = 1_000_000n * NOISE_SCALE

/** The largest whole number whose square is not above `of`. Newton's method. */
function squareRoot(of: bigint): bigint {
  if (of < 2n) return of
  let root = 1n << BigInt((of.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (root + of / root) >> 1n
    if (next >= root) return root
    root = next
  }
}
