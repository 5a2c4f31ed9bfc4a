/**
 * The long sums of indexing, each in a thread that lives as long as the sum: the node's own thread has a network to keep
 * alive. What comes out follows from what goes in, to the bit.
 */
import type { Example } from '../../protocol/datanet.ts'
import type { Hash } from '../../protocol/hash.ts'
import { featureColumns, featuredMaps } from '../../protocol/tuning.ts'
import type { FeatureShape, Features } from '../attribution/features.ts'
import { buildIndex, type InfluenceIndex, type Owners } from '../attribution/influence.ts'
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

/** The gradient index over features. @throws AttributionError */
export function indexFeatures(
  features: Features,
  { examples, owners }: CutTexts,
): Promise<InfluenceIndex> {
  const contributions = examples.map(({ contribution }) => contribution)
  return inThread(import.meta.url, 'indexFeaturesHere', [features, owners, contributions])
}

export async function readTextsHere(folder: string, texts: readonly string[]): Promise<ReadTexts> {
  const tokenizer = await openTokenizer(folder)
  const tokens = texts.map((text) => Int32Array.from(tokenizer.encode(text)))
  const spanIndex = buildSpanIndex(tokens)
  const count = tokens.reduce((sum, { length }) => sum + length, 0)
  return { tokens, spanIndex, spans: { root: spanRoot(spanIndex), tokens: count } }
}

export const indexFeaturesHere = buildIndex
