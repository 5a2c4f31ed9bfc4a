/**
 * What a validator checks of attribution. Everything that follows from published numbers is recomputed and must be equal;
 * only the features themselves cost a run of the model, and of those a sample is drawn that nobody knew beforehand.
 * Pure functions over arrays: running the model is the caller's part.
 */
import type { Duplicate } from '../../protocol/adapter.ts'
import type { Answer } from '../../protocol/answer.ts'
import { scoreOf, scoreParts, sumOf } from '../../protocol/attribution.ts'
import type { Contribution } from '../../protocol/datanet.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import type { Hash } from '../../protocol/hash.ts'
import { random, sample } from '../../protocol/prng.ts'
import { toRow } from './curvature.ts'
import { type Features, widthOf } from './features.ts'
import {
  attributeAnswer,
  type InfluenceIndex,
  type Owners,
  rowsOf,
  type ScoringIndex,
} from './influence.ts'
import { citedSpans } from './provenance.ts'
import type { SpanIndex } from './span-index.ts'

/** Rows to recompute: 1 - 0.95^59 = 95 % sure to meet one of 5 % junk rows. */
export const CHECKED_ROWS = 59

export type AttributionFault =
  /** The features of a sampled example are not those of the model. */
  | 'features'
  /** The rows do not follow from the features. */
  | 'rows'
  /** The root does not follow from the rows, or the span root from the texts. */
  | 'root'
  /** An answer's query row does not follow from its features. */
  | 'query'
  /** An answer's shares do not follow from query and rows. */
  | 'attribution'
  /** An answer's cited spans are not those of the datanet. */
  | 'spans'

export type Checked =
  | { readonly ok: true }
  | { readonly ok: false; readonly fault: AttributionFault; readonly reason: string }

const OK: Checked = { ok: true }

/** The examples whose features to recompute, ascending, drawn from a seed that was unknown when the index was committed. */
export function rowsToCheck(
  seed: Uint8Array,
  examples: number,
  count: number = CHECKED_ROWS,
): number[] {
  return sample(count, examples, random(seed, 'index rows'))
}

/** Draws by what rows would earn: 1 - 0.9^30 = 96 % sure to meet one of those that would earn a tenth of all. */
const EARNING_ROWS = 30

/**
 * More of them, ascending, by chances that grow with what a row earns where answers are like the texts: its product with the
 * others. Few forged rows that earn much would mostly be missed by a draw with equal chances.
 */
export function earningRowsToCheck(
  seed: Uint8Array,
  { rows, curvature: { width } }: Pick<InfluenceIndex, 'rows' | 'curvature'>,
  owners: Owners,
  count: number = EARNING_ROWS,
): number[] {
  const each = rowsOf(rows, width)
  const paid = each.filter((_, number) => owners[number] !== undefined)
  const sum = sumOf(paid, width)
  const product = (row: Int8Array, other: Int8Array | Int32Array): number =>
    scoreOf({ parts: scoreParts(row, other) })
  let total = 0
  const totals = each.map((row, number) => {
    if (owners[number] === undefined) return total
    total += Math.max(0, product(row, sum) - product(row, row))
    return total
  })
  if (total === 0) return []
  const source = random(seed, 'earning rows')
  const drawn = Array.from({ length: count }, () => {
    const place = source.unit() * total
    return totals.findIndex((until) => until > place)
  })
  return [...new Set(drawn)].sort((a, b) => a - b)
}

/**
 * Compares the committed features with those of sampled examples, `numbers`, which the validator has worked out itself.
 * In class `cpu-exact` they are equal, whatever the batch and the number of threads.
 */
export function checkFeatures(
  features: Features,
  own: Features,
  numbers: readonly number[],
): Checked {
  const width = widthOf(own.shape)
  const { maps } = own.shape
  for (const [place, example] of numbers.entries()) {
    const rowOf = (of: Features, row: number): Int8Array =>
      of.numbers.subarray(row * width, (row + 1) * width)
    const scalesOf = (of: Features, row: number): Float32Array =>
      of.scales.subarray(row * maps, (row + 1) * maps)
    const fault =
      firstDifference(rowOf(own, place), rowOf(features, example)) ??
      firstDifference(scalesOf(own, place), scalesOf(features, example))
    if (fault !== undefined) return fail('features', `example ${example}: ${fault}`)
  }
  return OK
}

/** An index as an adapter's document publishes it; its figures are for who has rows but no features. */
export interface PublishedIndex {
  /** (N, D). */
  readonly rows: Int8Array
  readonly root: Hash
  readonly damping: number
  readonly cap: number
  readonly scale: number
  /** Contributions with empty rows. */
  readonly duplicates: readonly Duplicate[]
}

/** Compares a published index with the one that this validator worked out from the published features. */
export function checkIndex(own: InfluenceIndex, published: PublishedIndex): Checked {
  const difference = firstDifference(own.rows, published.rows)
  if (difference !== undefined) return fail('rows', difference)
  if (own.root !== published.root) {
    return fail('root', `the index has root ${own.root}, not ${published.root}`)
  }
  for (const figure of ['damping', 'cap', 'scale'] as const) {
    const [mine, theirs] = [own.curvature[figure], published[figure]]
    if (mine !== theirs) return fail('root', `its ${figure} is ${mine}, not ${theirs}`)
  }
  const wrong = firstWrong('duplicate', own.duplicates, published.duplicates)
  return wrong === undefined ? OK : fail('rows', wrong)
}

/** Compares the published size and root of a span index with the validator's own. */
export function checkSpanIndex(
  own: { readonly root: Hash; readonly tokens: number },
  published: { readonly root: Hash; readonly tokens: number },
): Checked {
  if (own.tokens !== published.tokens) {
    return fail('root', `the datanet has ${own.tokens} tokens, not ${published.tokens}`)
  }
  return own.root === published.root
    ? OK
    : fail('root', `the span index has root ${own.root}, not ${published.root}`)
}

/** What a validator holds of the adapter that gave an answer. */
export interface AttributionSource {
  readonly index: ScoringIndex
  readonly spanIndex: SpanIndex
  readonly contributions: readonly Pick<Contribution, 'contributor' | 'name'>[]
}

/** Checks all that an answer says about whose data it came from. `feature` (D) is the validator's own gradient of it. */
export function checkAnswer(
  answer: Pick<Answer, 'tokens' | 'query' | 'attribution' | 'spans'>,
  feature: Float32Array,
  { index, spanIndex, contributions }: AttributionSource,
): Checked {
  const query = toRow(index.curvature, feature)
  const difference = firstDifference(query, Int8Array.from(answer.query))
  if (difference !== undefined) return fail('query', difference)
  const attribution = attributeAnswer(index, query)
  if (attributionRoot({ ...answer, attribution }) !== attributionRoot(answer)) {
    return fail('attribution', 'its shares are not the scores of its query against the index')
  }
  const spans = citedSpans(spanIndex, contributions, answer.tokens)
  const wrong = firstWrong('span', spans, answer.spans)
  return wrong === undefined ? OK : fail('spans', wrong)
}

function firstDifference(
  own: Float32Array | Int8Array,
  theirs: Float32Array | Int8Array,
): string | undefined {
  if (own.length !== theirs.length) return `${theirs.length} numbers where there are ${own.length}`
  for (let i = 0; i < own.length; i++) {
    if (own[i] !== theirs[i]) return `number ${i} is ${own[i]}, not ${theirs[i]}`
  }
  return undefined
}

/** Of two lists of equal things, the first that is another. */
function firstWrong<T extends object>(
  what: string,
  own: readonly T[],
  theirs: readonly T[],
): string | undefined {
  if (own.length !== theirs.length) return `${theirs.length} ${what}s where there are ${own.length}`
  const wrong = own.findIndex((one, i) => {
    const other = theirs[i]!
    return (Object.keys(one) as (keyof T)[]).some((field) => one[field] !== other[field])
  })
  return wrong < 0 ? undefined : `${what} ${wrong} is ${JSON.stringify(own[wrong])}`
}

function fail(fault: AttributionFault, reason: string): Checked {
  return { ok: false, fault, reason: `${fault}: ${reason}` }
}
