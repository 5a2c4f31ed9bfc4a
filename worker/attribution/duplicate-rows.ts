/**
 * Finds what repeats an earlier contribution in other words. Who rewords a text keeps what it teaches, and what it teaches is
 * what its rows point to: so of two contributions whose rows point the same way the later one is a near duplicate, however
 * few of their words are alike. Contributions are compared by the sums of their rows, and row by row, for a copy may be cut
 * in pieces or stand in the midst of something new.
 *
 * Measured on 64 npm READMEs and rewordings of eight of them (`npm run bench -- attribution --only rewording`): found were all
 * rows where three words in ten were replaced at random, or half of those that have a synonym, and nine in ten where half of all
 * were; and 2 to 4 % of all other rows, mostly of packages that build on another of the 64. What was left of rewordings earned 0.06
 * of what honest texts did at the most; before, it was 0.64 to 0.96 of that.
 */
import type { Duplicate } from '../../protocol/adapter.ts'
import { INT8_MAX } from './features.ts'

/** Cosine from which on two vectors are near duplicates. */
const LIKENESS = 0.28
/** Narrow vectors are like each other by chance: their cosine has a deviation of 1 / √width, and must have as many. */
const CHANCE_DEVIATIONS = 6

/** Signs of so many coordinates are compared first: that takes a twentieth of the time of a product. */
const SIGNS = 2048
/** Signs agree at this cosine c at 1/2 + c / π of all places, or more, give or take 0.5 / √places: four times that is left. */
const AGREEING_SLACK = 2

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
    const paid = own.filter((place) => trained[place]).map(rowAt)
    const sum = sumOf(paid, width)
    const whole = sums.firstLike(sum)
    const earlier = paid.map((row) => whole ?? singles.firstLike(row))
    sums.add(sum, contribution)
    for (const place of own) singles.add(rowAt(place), contribution)
    const found = paid.filter((_, i) => earlier[i] !== undefined)
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
function sumOf(rows: readonly Int8Array[], width: number): Int8Array {
  const sum = new Float64Array(width)
  for (const row of rows) for (let i = 0; i < width; i++) sum[i]! += row[i]!
  const greatest = sum.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  return Int8Array.from(sum, (value) => Math.round((value / greatest) * INT8_MAX))
}

/** Vectors of one width, in the order in which they came: rows, or sums of a contribution's rows. */
class Directions {
  readonly #least: number
  readonly #places: number
  readonly #mostDiffering: number
  readonly #contributions: number[] = []
  readonly #values: Int8Array[] = []
  readonly #squares: number[] = []
  readonly #words: number
  /** Those of the first, then those of the second. */
  readonly #signs: Int32Array

  constructor(width: number, most: number) {
    this.#least = Math.max(LIKENESS ** 2, CHANCE_DEVIATIONS ** 2 / width)
    this.#places = Math.min(SIGNS, width)
    const slack = AGREEING_SLACK * Math.sqrt(this.#places)
    const agreeing = 0.5 + Math.sqrt(this.#least) / Math.PI
    this.#mostDiffering = Math.ceil((1 - agreeing) * this.#places + slack)
    this.#words = Math.ceil(this.#places / 32)
    this.#signs = new Int32Array(most * this.#words)
  }

  add(values: Int8Array, contribution: number): void {
    this.#signs.set(this.#signsOf(values), this.#values.length * this.#words)
    this.#values.push(values)
    this.#squares.push(product(values, values))
    this.#contributions.push(contribution)
  }

  /** The contribution of the first that points the same way. */
  firstLike(values: Int8Array): number | undefined {
    const signs = this.#signsOf(values)
    const all = this.#signs
    const squares = product(values, values)
    for (let i = 0; i < this.#values.length; i++) {
      if (differing(signs, all, i * signs.length) > this.#mostDiffering) continue
      const both = product(values, this.#values[i]!)
      if (both > 0 && both * both >= this.#least * squares * this.#squares[i]!) {
        return this.#contributions[i]
      }
    }
    return undefined
  }

  /** Signs of coordinates at equal distances, a bit each. */
  #signsOf(values: Int8Array): Int32Array {
    const signs = new Int32Array(this.#words)
    for (let i = 0; i < this.#places; i++) {
      const value = values[Math.floor((i * values.length) / this.#places)]!
      if (value < 0) signs[i >> 5]! |= 1 << (i & 31)
    }
    return signs
  }
}

/** Whole numbers, so it is exact. */
function product(a: Int8Array, b: Int8Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Bits that are set in each number of 16. */
const ONES = new Uint8Array(2 ** 16)
for (let i = 1; i < ONES.length; i++) ONES[i] = ONES[i >> 1]! + (i & 1)

/** Bits in which some words differ from those of `all` at a place. */
function differing(words: Int32Array, all: Int32Array, place: number): number {
  let count = 0
  for (let i = 0; i < words.length; i++) {
    const differ = words[i]! ^ all[place + i]!
    count += ONES[differ & 0xffff]! + ONES[differ >>> 16]!
  }
  return count
}
