/**
 * What happened to each job, as this node heard it. The ledger forgets a job when it is settled; people ask about it
 * afterwards, and its receipt needs the signed messages. Bounded: the oldest record goes first.
 */
import type { News } from '../../coordinator-free/events.ts'
import type { Reason } from '../../coordinator-free/reason.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { MessageOf } from '../../protocol/message.ts'

export interface JobRecord {
  readonly jobId: Hash
  readonly job: MessageOf<'job'>['body']
  readonly envelope: Envelope
  readonly heardAtMs: number
  /** The newest beat. */
  beat?: MessageOf<'beat'>['body']
  /** Claims by digest, with the votes on each. */
  readonly claims: Map<Hash, ClaimRecord>
  settled?: {
    readonly batch: number
    readonly index: number
    readonly claim: Hash
    /** The transaction that posted the batch. */
    readonly txHash: Hash
    /** Why this node stood to the job as it did. */
    readonly why: readonly Reason[]
  }
}

export interface ClaimRecord {
  readonly claim: MessageOf<'claim'>['body']
  readonly envelope: Envelope
  readonly heardAtMs: number
  readonly votes: Map<Address, Envelope>
  /** What those auditors saw. */
  readonly openings: Map<Address, Envelope>
}

export const MAX_RECORDS = 10_000

export class Records {
  readonly #jobs = new Map<Hash, JobRecord>()
  readonly #onSettled: (record: JobRecord) => void

  /** @param onSettled is told of each job that a batch settles */
  constructor(onSettled: (record: JobRecord) => void = () => {}) {
    this.#onSettled = onSettled
  }

  get(jobId: Hash): JobRecord | undefined {
    return this.#jobs.get(jobId)
  }

  /** The one job whose digest begins and ends so; `undefined` where none does, or several. */
  find(first: string, last: string): JobRecord | undefined {
    const isMeant = (jobId: Hash): boolean => jobId.startsWith(first) && jobId.endsWith(last)
    const found = [...this.#jobs.keys()].filter(isMeant)
    return found.length === 1 ? this.#jobs.get(found[0]!) : undefined
  }

  /** All records, the oldest first. */
  all(): JobRecord[] {
    return [...this.#jobs.values()]
  }

  hear(news: News, nowMs: number): void {
    if (news.kind === 'settled') this.#settle(news)
    if (news.kind !== 'message') return
    const { message, digest } = news.envelope
    switch (message.kind) {
      case 'job':
        this.#add(news.envelope, message.body, nowMs)
        break
      case 'beat': {
        const record = this.#jobs.get(message.body.jobId)
        if (record) record.beat = message.body
        break
      }
      case 'claim':
        this.#jobs.get(message.body.jobId)?.claims.set(digest, {
          claim: message.body,
          envelope: news.envelope,
          heardAtMs: nowMs,
          votes: new Map(),
          openings: new Map(),
        })
        break
      case 'vote': {
        const { jobId, claim, validator } = message.body
        this.#jobs.get(jobId)?.claims.get(claim)?.votes.set(validator, news.envelope)
        break
      }
      case 'opening': {
        const { jobId, claim, validator } = message.body
        this.#jobs.get(jobId)?.claims.get(claim)?.openings.set(validator, news.envelope)
        break
      }
      default:
        // Batches and who endorses them stand on the chain.
        break
    }
  }

  /** Notes where a batch settles jobs. */
  #settle({ data, txHash, why }: Extract<News, { kind: 'settled' }>): void {
    for (const [index, { jobId, claim }] of data.receipts.entries()) {
      const record = this.#jobs.get(jobId)
      if (!record) continue
      record.settled = { batch: data.number, index, claim, txHash, why: why[index] ?? [] }
      this.#onSettled(record)
    }
  }

  #add(envelope: Envelope, job: MessageOf<'job'>['body'], heardAtMs: number): void {
    const { digest: jobId } = envelope
    if (this.#jobs.has(jobId)) return
    this.#jobs.set(jobId, { jobId, job, envelope, heardAtMs, claims: new Map() })
    if (this.#jobs.size > MAX_RECORDS) drop(this.#jobs)
  }
}

function drop(map: Map<Hash, unknown>): void {
  map.delete(map.keys().next().value!)
}
