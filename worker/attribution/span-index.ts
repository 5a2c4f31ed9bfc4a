/**
 * The span index of a datanet version: all contributions' tokens in one text, and its suffix array. Symbols are token
 * ids plus one; symbol 0 ends each contribution, so no run of tokens matches across two of them.
 */
import { AttributionError } from './errors.ts'
import { suffixArray } from './suffix-array.ts'

/** Above every vocabulary known (Gemma 3: 262,144). It bounds the table that a single false token would blow up. */
const MAX_TOKEN = 2 ** 20

/** Tokens in one index: 4 GiB with the suffix array. Larger datanets take several. */
const MAX_SYMBOLS = 2 ** 28

/** Entries of the suffix array under one precomputed minimum. */
const MINIMUM_EVERY = 64

export interface SpanIndex {
  /** Symbols (n); the last is 0. */
  readonly text: Int32Array
  /** Starts of all suffixes in their order (n). */
  readonly suffixes: Int32Array
  /** Place of the first suffix that begins with each symbol, and n at the end. */
  readonly buckets: Int32Array
  /** Least start among each `MINIMUM_EVERY` suffixes. */
  readonly minima: Int32Array
  /** Where each contribution begins in the text. */
  readonly starts: Int32Array
}

/** Places lo .. hi - 1 of the suffix array. */
export interface Range {
  readonly lo: number
  readonly hi: number
}

/**
 * Builds the index over each contribution's tokens, in the order of the version.
 * Throws `AttributionError`: `bad-token`, `too-large`.
 */
export function buildSpanIndex(contributions: readonly ArrayLike<number>[]): SpanIndex {
  const symbols = contributions.reduce((total, tokens) => total + tokens.length + 1, 0)
  if (symbols > MAX_SYMBOLS) {
    const message = `${symbols} tokens in one span index; the most is ${MAX_SYMBOLS}`
    throw new AttributionError('too-large', message)
  }
  const text = new Int32Array(symbols)
  const starts = new Int32Array(contributions.length)
  let at = 0
  let highest = 0
  for (const [number, tokens] of contributions.entries()) {
    starts[number] = at
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!
      if (!isToken(token)) {
        const place = `token ${i} of contribution ${number}`
        throw new AttributionError('bad-token', `${place} is ${token}, not 0 .. ${MAX_TOKEN}`)
      }
      text[at++] = token + 1
      if (token >= highest) highest = token + 1
    }
    text[at++] = 0
  }
  const suffixes = suffixArray(text, highest + 1)
  return { text, suffixes, buckets: bucketsOf(text, highest), minima: minimaOf(suffixes), starts }
}

/** Tokens of the longest beginning of tokens[start ..] that the text holds. */
export function longestMatch(index: SpanIndex, tokens: ArrayLike<number>, start: number): number {
  return seek(index, tokens, start, tokens.length, false).shared
}

/** All suffixes that begin with tokens[start .. end - 1]; an empty range where there are none. */
export function findRange(
  index: SpanIndex,
  tokens: ArrayLike<number>,
  start: number,
  end: number,
): Range {
  if (end <= start) return { lo: 0, hi: index.suffixes.length }
  const lo = seek(index, tokens, start, end, false).place
  return { lo, hi: seek(index, tokens, start, end, true).place }
}

/** The contribution that holds a position of the text. */
export function contributionAt(index: SpanIndex, position: number): number {
  const { starts } = index
  let lo = 0
  let hi = starts.length
  while (lo < hi) {
    const middle = (lo + hi) >>> 1
    if (starts[middle]! <= position) lo = middle + 1
    else hi = middle
  }
  return lo - 1
}

/** The least position among the suffixes of a range that is not empty: where the run was written first. */
export function earliest({ suffixes, minima }: SpanIndex, { lo, hi }: Range): number {
  let least = suffixes[lo]!
  for (let at = lo; at < hi; ) {
    const whole = at % MINIMUM_EVERY === 0 && at + MINIMUM_EVERY <= hi
    const value = whole ? minima[at / MINIMUM_EVERY]! : suffixes[at]!
    if (value < least) least = value
    at += whole ? MINIMUM_EVERY : 1
  }
  return least
}

/**
 * The first place whose suffix is not below tokens[start .. end - 1], or, with `after`, is above all that begin with it;
 * and how many of these tokens the nearest suffix shares. What they share with the suffixes just outside lo .. hi, all
 * inside share as well, and it is not compared again (Manber and Myers 1993).
 */
function seek(
  index: SpanIndex,
  tokens: ArrayLike<number>,
  start: number,
  end: number,
  after: boolean,
): { place: number; shared: number } {
  const { text, suffixes } = index
  let { lo, hi } = bucketOf(index, tokens[start]!)
  if (lo === hi) return { place: lo, shared: 0 }
  let below = 1
  let above = 1
  while (lo < hi) {
    const middle = (lo + hi) >>> 1
    const from = suffixes[middle]!
    let shared = Math.min(below, above)
    while (start + shared < end && text[from + shared] === tokens[start + shared]! + 1) shared += 1
    const isBelow =
      start + shared === end ? after : text[from + shared]! < tokens[start + shared]! + 1
    if (isBelow) {
      lo = middle + 1
      below = shared
    } else {
      hi = middle
      above = shared
    }
  }
  return { place: lo, shared: Math.max(below, above) }
}

/** The suffixes that begin with a token. One that no text holds has none, behind all others where it is above them. */
function bucketOf({ buckets, suffixes }: SpanIndex, token: number): Range {
  if (!isToken(token) || token + 2 >= buckets.length) {
    return { lo: suffixes.length, hi: suffixes.length }
  }
  return { lo: buckets[token + 1]!, hi: buckets[token + 2]! }
}

function bucketsOf(text: Int32Array, highest: number): Int32Array {
  const buckets = new Int32Array(highest + 2)
  for (let i = 0; i < text.length; i++) buckets[text[i]! + 1]! += 1
  for (let symbol = 1; symbol < buckets.length; symbol++) buckets[symbol]! += buckets[symbol - 1]!
  return buckets
}

function minimaOf(suffixes: Int32Array): Int32Array {
  const minima = new Int32Array(Math.ceil(suffixes.length / MINIMUM_EVERY)).fill(suffixes.length)
  for (let place = 0; place < suffixes.length; place++) {
    const group = Math.floor(place / MINIMUM_EVERY)
    if (suffixes[place]! < minima[group]!) minima[group] = suffixes[place]!
  }
  return minima
}

function isToken(token: number): boolean {
  return Number.isInteger(token) && token >= 0 && token < MAX_TOKEN
}
