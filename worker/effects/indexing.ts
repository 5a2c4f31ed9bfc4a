/**
 * The long sums of indexing, each in a thread that lives as long as the sum: the node's own thread has a network to keep
 * alive. What comes out follows from what goes in, to the bit.
 */
import type { Example } from '../../protocol/datanet.ts'
import type { Shaped } from '../../protocol/evidence.ts'
import type { Hash } from '../../protocol/hash.ts'
import { featureColumns, featuredMaps } from '../../protocol/tuning.ts'
import {
  type Checked,
  checkIndex,
  earningRowsToCheck,
  type PublishedIndex,
} from '../attribution/check.ts'
import { falseShare, type ScoreEvidence } from '../attribution/evidence.ts'
import type { FeatureShape, Features } from '../attribution/features.ts'
import {
  buildIndex,
  type InfluenceIndex,
  indexLeaves,
  type Owners,
  type ScoringIndex,
  scaleOf,
  scoringIndex,
} from '../attribution/influence.ts'
import { buildSpanIndex, type SpanIndex } from '../attribution/span-index.ts'
import { spanRoot } from '../attribution/span-tree.ts'
import { openTokenizer } from '../engine/files/tokenizer.ts'
import type { LoraLayout } from '../engine/lora.ts'
import { inThread } from '../thread.ts'

/** Texts as one tokenizer reads them. */
export interface ReadTexts {
  /** Tokens of each text. */
  readonly tokens: readonly Int32Array[]
  readonly spanIndex: SpanIndex
  /** What commits the span index. */
  readonly spans: { readonly root: Hash; readonly tokens: number }
}

/** A datanet cut into examples, and who owns each; none owns a decoy. */
export interface CutTexts {
  readonly examples: readonly Example[]
  readonly owners: Owners
}

/** How the features of an adapter's examples lie. */
export function featureShape({ modules, rank }: LoraLayout): FeatureShape {
  const maps = featuredMaps(modules).length
  return { maps, rank, columns: featureColumns(maps, rank) }
}

/** Tokens and span index of texts, by the tokenizer in a folder. */
export function readTexts(tokenizerFolder: string, texts: readonly string[]): Promise<ReadTexts> {
  return inThread(import.meta.url, 'readTextsHere', [tokenizerFolder, texts])
}

/** What an index follows from. */
type Ground = [features: Features, owners: Owners, contributions: readonly number[]]

function ground(features: Features, { examples, owners }: CutTexts): Ground {
  return [features, owners, examples.map(({ contribution }) => contribution)]
}

/** A gradient index, and what answers are scored by of it. */
export interface BuiltIndex {
  readonly index: InfluenceIndex
  readonly scoring: ScoringIndex
}

/** The gradient index over features. @throws AttributionError */
export function indexFeatures(features: Features, cut: CutTexts): Promise<BuiltIndex> {
  return inThread(import.meta.url, 'indexFeaturesHere', ground(features, cut))
}

/** What answers are scored by, of that index. @throws AttributionError */
export function scoreFeatures(features: Features, cut: CutTexts): Promise<ScoringIndex> {
  return inThread(import.meta.url, 'scoreFeaturesHere', ground(features, cut))
}

/** What an auditor finds of a published index. */
export interface AuditedIndex {
  readonly checked: Checked
  /** Numbers of examples whose features are to be computed again, for what they would earn. */
  readonly earning: readonly number[]
  /** What answers are scored by of the auditor's own. */
  readonly scoring: ScoringIndex
}

/** Compares a published index with that index. @throws AttributionError */
export function auditIndex(
  features: Features,
  cut: CutTexts,
  published: PublishedIndex,
  beacon: Uint8Array,
): Promise<AuditedIndex> {
  const args = [...ground(features, cut), published, beacon]
  return inThread(import.meta.url, 'auditIndexHere', args)
}

/** The first share of an answer that the L2 would find false by that index. @throws AttributionError */
export function findFalseShare(
  features: Features,
  cut: CutTexts,
  answer: Shaped,
): Promise<ScoreEvidence | undefined> {
  return inThread(import.meta.url, 'findFalseShareHere', [...ground(features, cut), answer])
}

export async function readTextsHere(folder: string, texts: readonly string[]): Promise<ReadTexts> {
  const tokenizer = await openTokenizer(folder)
  const tokens = texts.map((text) => Int32Array.from(tokenizer.encode(text)))
  const spanIndex = buildSpanIndex(tokens)
  const count = tokens.reduce((sum, { length }) => sum + length, 0)
  return { tokens, spanIndex, spans: { root: spanRoot(spanIndex), tokens: count } }
}

export function indexFeaturesHere(...of: Ground): BuiltIndex {
  const index = buildIndex(...of)
  const [, owners] = of
  return { index, scoring: scoringIndex(index, owners) }
}

export function scoreFeaturesHere(...of: Ground): ScoringIndex {
  return indexFeaturesHere(...of).scoring
}

export function auditIndexHere(
  ...[features, owners, contributions, published, beacon]: [...Ground, PublishedIndex, Uint8Array]
): AuditedIndex {
  const { index, scoring } = indexFeaturesHere(features, owners, contributions)
  const earning = earningRowsToCheck(beacon, index, owners)
  return { checked: checkIndex(index, published), earning, scoring }
}

export function findFalseShareHere(
  ...[features, owners, contributions, answer]: [...Ground, Shaped]
): ScoreEvidence | undefined {
  const { curvature, rows } = buildIndex(features, owners, contributions)
  return falseShare(answer, indexLeaves(scaleOf(curvature), rows, owners))
}
