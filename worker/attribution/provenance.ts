/**
 * Provenance: what an answer says word for word as the datanet does, who wrote it first, and how often it is there.
 * It is cited, not paid: matching text says little about what shaped an answer (see `influence.ts`).
 */
import type { Span } from '../../protocol/answer.ts'
import type { Contribution } from '../../protocol/datanet.ts'
import { AttributionError } from './errors.ts'
import { contributionAt, earliest, findRange, longestMatch, type SpanIndex } from './span-index.ts'

/** Shorter runs are idiom ("for more information, see the"), not a source. */
const MIN_SPAN_TOKENS = 8

/** Spans kept of one answer: more than anybody reads. */
const MAX_SPANS = 64

export interface SpanLimits {
  readonly minTokens: number
  readonly maxSpans: number
}

const LIMITS: SpanLimits = { minTokens: MIN_SPAN_TOKENS, maxSpans: MAX_SPANS }

/**
 * All maximal runs of the answer's tokens that the datanet holds, by start; none lies within another. Where there are more
 * than `maxSpans`, the longest stay, of equals the first ones. `contributions` are those the index was built over;
 * `AttributionError` `bad-shape` otherwise, `bad-token` for an
 * answer of other than whole numbers from 0.
 */
export function citedSpans(
  index: SpanIndex,
  contributions: readonly Pick<Contribution, 'contributor' | 'name'>[],
  tokens: readonly number[],
  limits: SpanLimits = LIMITS,
): Span[] {
  if (contributions.length !== index.starts.length) {
    const held = `the index holds ${index.starts.length} contributions`
    throw new AttributionError('bad-shape', `${held}, ${contributions.length} were given`)
  }
  // Token -1 would be the symbol that ends a contribution, and let a run cross it.
  const wrong = tokens.find((token) => !(Number.isInteger(token) && token >= 0))
  if (wrong !== undefined)
    throw new AttributionError('bad-token', `the answer holds token ${wrong}`)
  return longestFirst(maximalRuns(index, tokens, limits.minTokens))
    .slice(0, limits.maxSpans)
    .sort((a, b) => a.start - b.start)
    .map(({ start, end }) => {
      const range = findRange(index, tokens, start, end)
      const contribution = contributionAt(index, earliest(index, range))
      const { contributor, name } = contributions[contribution]!
      const occurrences = range.hi - range.lo
      return { start, end, occurrences, place: range.lo, contribution, contributor, name }
    })
}

interface Run {
  readonly start: number
  readonly end: number
}

/**
 * A run that ends no later than one with an earlier start lies within it; all others cannot be longer on either side.
 * Ends never go back from one start to the next, since a run without its first token still stands in the datanet.
 */
function maximalRuns(index: SpanIndex, tokens: readonly number[], minTokens: number): Run[] {
  const runs: Run[] = []
  const shortest = Math.max(1, minTokens)
  for (let start = 0, reached = 0; start + shortest <= tokens.length; start++) {
    if (reached === tokens.length) break
    const end = start + longestMatch(index, tokens, start)
    if (end > reached && end - start >= shortest) runs.push({ start, end })
    if (end > reached) reached = end
  }
  return runs
}

function longestFirst(runs: readonly Run[]): Run[] {
  return [...runs].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start)
}
