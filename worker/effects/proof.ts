/** What shows by itself that an answer's attribution is false: then the chain can decide, and needs no jury. */
import type { InBatch } from '../../coordinator-free/events.ts'
import { Answer } from '../../protocol/answer.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import { falseSpan } from '../attribution/evidence.ts'
import { spanTree } from '../attribution/span-tree.ts'
import type { Call } from '../chain/calls.ts'
import { falseCountCall, falseScoreCall, placedIn } from '../chain/dispute-calls.ts'
import type { ContentStore } from '../storage/content.ts'
import { findFalseShare } from './indexing.ts'
import type { Knowledge } from './knowledge.ts'

export interface Library {
  readonly knowledge: Knowledge
  readonly content: ContentStore
}

/** The call that proves a receipt's attribution false; none where there is nothing that the chain could work out. */
export async function proofAgainst(
  { knowledge, content }: Library,
  place: InBatch,
  signal: AbortSignal,
): Promise<Call | undefined> {
  const { task, adapter, output, attribution } = place.receipts[place.index]!
  if (task !== 'inference' || adapter === '') return undefined
  const answer = await content.get(Answer, output, { signal })
  // Where the answer is not the one committed to, no leaf of it is.
  if (attributionRoot(answer) !== attribution) return undefined
  const { source, document } = await knowledge.adapter(adapter, signal)
  const { features, corpus } = await knowledge.grounds(adapter, signal)
  const share = await findFalseShare(features, corpus, answer)
  if (share) return falseScoreCall(placedIn(place), share, document.spans.root)
  const span = falseSpan(answer, source.spanIndex, spanTree(source.spanIndex))
  return span && falseCountCall(placedIn(place), span, document.index.root)
}
