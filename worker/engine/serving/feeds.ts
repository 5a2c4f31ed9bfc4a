/** The inputs of the serving graph that say what is read; adapters and keys and values have files of their own. */
import type { Feed } from '../session.ts'

/**
 * Equally many tokens of each row, after as many of its past as `lengths` says. Of all tokens, row after row, the results of
 * those at `selected` are wanted.
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
