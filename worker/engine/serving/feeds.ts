/** The inputs of the serving graph that say what is read; adapters and keys and values have files of their own. */
import type { Feed } from '../session.ts'

/**
 * Equally many tokens of each row, after as many of its past as `lengths` says. Of each row the results of the tokens at
 * `selected` are wanted.
 */
export function textFeeds(
  tokens: readonly (readonly number[])[],
  lengths: readonly number[],
  selected: Int32Array,
): Record<string, Feed> {
  return {
    tokens: { data: Int32Array.from(tokens.flat()), shape: [tokens.length, tokens[0]!.length] },
    lengths: { data: Int32Array.from(lengths), shape: [lengths.length] },
    selected: { data: selected, shape: [selected.length] },
  }
}

/**
 * The last places of `tokens` tokens, from `first` on; two at least where there are two, since a product with a single row
 * takes another kernel, which rounds otherwise (measured, onnxruntime 1.30).
 */
export function lastPlaces(first: number, tokens: number): Int32Array {
  const start = Math.max(0, Math.min(first, tokens - 2))
  return Int32Array.from({ length: tokens - start }, (_, index) => start + index)
}
