/**
 * Whoever is to audit a job fetches its base model while the worker works: a claim waits for its verdict for two minutes, and a
 * large model takes as long to fetch.
 */
import { turnOf } from '../../coordinator-free/assignment.ts'
import { auditorsToBe } from '../../coordinator-free/committee.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import type { Runtime } from '../runtime.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Knowledge } from './knowledge.ts'

/** Models that were asked for and are not looked at again. */
const MOST_ASKED = 256

export interface PrefetchOptions {
  readonly runtime: Pick<Runtime, 'core' | 'onNews'>
  readonly knowledge: Pick<Knowledge, 'fetch'>
  readonly self: Address
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Begins to listen. @returns what ends it */
export function prefetchAudited({ runtime, knowledge, self, log, signal }: PrefetchOptions) {
  const asked = new Set<Cid>()
  return runtime.onNews((news) => {
    if (news.kind !== 'message' || news.envelope.message.kind !== 'beat') return
    const { ledger } = runtime.core
    const { jobId, worker } = news.envelope.message.body
    const model = ledger.jobs.get(jobId)?.body.model
    if (model === undefined || asked.has(model)) return
    if (turnOf(ledger, jobId, Date.now())?.worker.node !== worker) return
    if (!auditorsToBe(ledger, { jobId, worker }).some(({ node }) => node === self)) return
    asked.add(model)
    if (asked.size > MOST_ASKED) asked.delete(asked.values().next().value!)
    knowledge.fetch(model, signal).catch((error: unknown) => {
      asked.delete(model)
      log.debug({ model, error: (error as Error).message }, 'model not fetched beforehand')
    })
  })
}
