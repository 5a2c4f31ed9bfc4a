/**
 * Finds what repeats an earlier contribution in other words. Who rewords a text keeps what it teaches, and what it teaches is
 * what its rows point to: so of two contributions whose rows point the same way the later one is a near duplicate, however
 * few of their words are alike. Contributions are compared by the sums of their rows, and row by row, for a copy may be cut
 * in pieces or stand in the midst of something new.
 *
 * Measured on 64 npm READMEs and rewordings of eight of them (`npm run bench -- attribution --only rewording`): found were all
 * rows where three words in ten were replaced at random, or half of those that have a synonym, and nine in ten where half of all
 * were; and 2 to 4 % of all other rows, mostly of packages that build on another of the 64. What was left of rewordings earned 0.12
 * of what honest texts did at the most; before, it was 0.53 to 0.88 of that.
 */
import type { Duplicate } from '../../protocol/adapter.ts'
import { sumOf } from '../../protocol/attribution.ts'
import { INT8_MAX } from './features.ts'
import { createSimHash, differing, mostDiffering, SIGN_WORDS } from './simhash.ts'

/** Cosine from which on two vectors are near duplicates. */
const LIKENESS = 0.28
/** Narrow vectors are like each other by chance: their cosine has a deviation of 1 / √width, and must have as many. */
const CHANCE_DEVIATIONS = 6

/**
 * Empties (sets to 0) those of the rows (N, D) that are near duplicates, so that they earn nothing, and tells whose they are,
 * ascending. `contributions[i]` gave row i. Where `trained[i]` is false it is a decoy's: it stays, for it earns nothing, and has
 * no part in a sum.
 */
export function emptyDuplicates(
  rows: Int8Array,
  width: number,
  contributions: readonly number[],
  trained: readonly boolean[],
): Duplicate[] {
  const places = placesOf(contributions)
  const sums = new Directions(width, places.size)
  const singles = new Directions(width, contributions.length)
  const empty: Int8Array[] = []
  const rowAt = (place: number): Int8Array => rows.subarray(place * width, (place + 1) * width)
  const duplicates = [...places].flatMap(([contribution, own]) => {
    const all = own.map((place) => singles.of(rowAt(place)))
    const paid = all.filter((_, i) => trained[own[i]!])
    const rowsPaid = paid.map(({ values }) => values)
    const sum = sums.of(scaledSum(rowsPaid, width))
    const whole = sums.firstLike(sum)
    const earlier = paid.map((row) => whole ?? singles.firstLike(row))
    sums.add(sum, contribution)
    for (const row of all) singles.add(row, contribution)
    const found = rowsPaid.filter((_, i) => earlier[i] !== undefined)
    empty.push(...found)
    const first = earlier.find((one) => one !== undefined)
    return first === undefined ? [] : [{ contribution, earlier: first, rows: found.length }]
  })
  for (const row of empty) row.fill(0)
  return duplicates
}

/** The places of each contribution's rows, by number of the contribution, ascending. */
function placesOf(contributions: readonly number[]): Map<number, number[]> {
  const numbers = [...new Set(contributions)].sort((a, b) => a - b)
  const places = new Map(numbers.map((number): [number, number[]] => [number, []]))
  for (const [place, number] of contributions.entries()) places.get(number)!.push(place)
  return places
}

/** Where the sum of rows points, to a part in 127 of its greatest coordinate. */
function scaledSum(rows: readonly Int8Array[], width: number): Int8Array {
  const sum = sumOf(rows, width)
  const greatest = sum.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  return Int8Array.from(sum, (value) => Math.round((value / greatest) * INT8_MAX))
}

/** A vector as others are compared with it. */
interface Direction {
  readonly values: Int8Array
  readonly square: number
  readonly signs: Int32Array
}

/** Vectors of one width, in the order in which they came: rows, or sums of a contribution's rows. */
class Directions {
  readonly #least: number
  readonly #mostDiffering: number
  readonly #hash: (values: Int8Array) => Int32Array
  /** Those of the first, then those of the second. */
  readonly #signs: Int32Array
  readonly #values: Int8Array[] = []
  readonly #squares: number[] = []
  readonly #contributions: number[] = []

  constructor(width: number, most: number) {
    this.#least = Math.max(LIKENESS ** 2, CHANCE_DEVIATIONS ** 2 / width)
    this.#mostDiffering = mostDiffering(Math.sqrt(this.#least), width)
    this.#hash = createSimHash(width)
    this.#signs = new Int32Array(most * SIGN_WORDS)
  }

  of(values: Int8Array): Direction {
    return { values, square: product(values, values), signs: this.#hash(values) }
  }

  add({ values, square, signs }: Direction, contribution: number): void {
    this.#signs.set(signs, this.#values.length * SIGN_WORDS)
    this.#values.push(values)
    this.#squares.push(square)
    this.#contributions.push(contribution)
  }

  /** The contribution of the first that points the same way. */
  firstLike({ values, square, signs }: Direction): number | undefined {
    const all = this.#signs
    for (let i = 0; i < this.#values.length; i++) {
      if (differing(signs, all, i * SIGN_WORDS) > this.#mostDiffering) continue
      const both = product(values, this.#values[i]!)
      if (both > 0 && both * both >= this.#least * square * this.#squares[i]!) {
        return this.#contributions[i]
      }
    }
    return undefined
  }
}

/** Whole numbers, so it is exact. */
function product(a: Int8Array, b: Int8Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
