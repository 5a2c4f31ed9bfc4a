/**
 * Follows some jobs through a run: who did what for them, and when. `trace-events.ts` makes of it what Perfetto opens.
 */
import type { Effect } from '../coordinator-free/events.ts'
import { headerHash } from '../protocol/batch.ts'
import type { Hash } from '../protocol/hash.ts'
import { type Message, messageDigest } from '../protocol/message.ts'
import { headerOf } from '../protocol/settlement.ts'
import { DOMAINS } from './jobs.ts'
import type { SimNode } from './node.ts'
import { eventsOf, MOST_SLICES, type Slice, type Step, type Trace } from './trace-events.ts'

/** What takes no time is drawn this long. */
const INSTANT_MS = 0.2

export class JobTrace {
  readonly #wanted: number
  /** The jobs that are followed, with their numbers, from 1 on. */
  readonly #jobs = new Map<Hash, number>()
  readonly #jobsOfHeader = new Map<Hash, readonly Hash[]>()
  /** Headers of posted batches, by number. */
  readonly #posted = new Map<number, Hash>()
  readonly #final = new Set<number>()
  readonly #slices: Slice[] = []
  /** What is under way, by node and duty. */
  readonly #open = new Map<string, Slice>()
  #leftOut = 0
  #lastMs = 0

  /** @param jobs how many are followed: the first that are ordered */
  constructor(jobs: number) {
    this.#wanted = jobs
  }

  /** @param atMs since the start of the run */
  watch(atMs: number, node: SimNode, effect: Effect): void {
    this.#lastMs = atMs
    switch (effect.kind) {
      case 'publish':
        this.#end(atMs, node, effect.duty)
        this.#said(atMs, node, effect.message)
        break
      case 'execute':
        this.#begin(atMs, node, 'execute', effect.duty, [effect.jobId])
        break
      case 'verify':
        this.#begin(atMs, node, 'verify', effect.duty, [effect.claim.jobId], effect.claim.worker)
        break
      case 'offer': {
        const header = headerHash(headerOf(effect.data, effect.proposal.availability))
        const jobs = effect.data.receipts.map(({ jobId }) => jobId)
        this.#jobsOfHeader.set(header, jobs)
        this.#begin(atMs, node, 'propose', effect.duty, jobs, header)
        break
      }
      case 'post':
        this.#ofHeader(atMs, node, 'post', effect.duty, headerHash(effect.header))
        break
      case 'tell':
        this.#told(atMs, node, effect.news)
    }
  }

  /** All that was seen; what was under way at the end lasts until then. */
  finish(): Trace {
    for (const slice of this.#open.values()) slice.endMs = this.#lastMs
    return eventsOf(this.#slices, this.#jobs.size, this.#leftOut)
  }

  #said(atMs: number, node: SimNode, message: Message): void {
    if (message.kind === 'job') {
      const jobId = messageDigest(message, DOMAINS.messages)
      if (this.#jobs.has(jobId) || this.#jobs.size >= this.#wanted) return
      this.#jobs.set(jobId, this.#jobs.size + 1)
      this.#begin(atMs, node, 'order', 'order', [jobId])
      this.#end(atMs + INSTANT_MS, node, 'order')
    } else if (message.kind === 'endorsement') {
      this.#ofHeader(atMs, node, 'endorse', 'endorse', message.body.header)
      this.#end(atMs + INSTANT_MS, node, 'endorse')
    }
  }

  #told(atMs: number, node: SimNode, news: Extract<Effect, { kind: 'tell' }>['news']): void {
    if (news.kind === 'batch-posted') {
      const header = headerHash(news.header)
      this.#posted.set(news.header.number, header)
      this.#end(atMs, node, `post ${header}`)
    } else if (news.kind === 'batch-final') {
      // Whoever reads of it first stands for all.
      const header = this.#posted.get(news.number)
      if (!header || this.#final.has(news.number)) return
      this.#final.add(news.number)
      this.#ofHeader(atMs, node, 'final', 'final', header)
      this.#end(atMs + INSTANT_MS, node, 'final')
    }
  }

  #ofHeader(atMs: number, node: SimNode, step: Step, duty: string, header: Hash): void {
    this.#begin(atMs, node, step, duty, this.#jobsOfHeader.get(header) ?? [], header)
  }

  /** @param about what only steps about the same follow from: the claim's worker, or the batch's header */
  #begin(
    startMs: number,
    node: SimNode,
    step: Step,
    duty: string,
    jobs: readonly Hash[],
    about: string = node.address,
  ): void {
    const numbers = jobs.flatMap((job) => this.#jobs.get(job) ?? [])
    const key = `${node.options.index} ${duty}`
    if (numbers.length === 0) return
    // What is ordered again was lost with a crash, or failed.
    this.#end(startMs, node, duty)
    if (this.#slices.length >= MOST_SLICES) {
      this.#leftOut += 1
      return
    }
    const { index, role, manner } = node.options
    const slice = { node: index, role, manner, step, about, startMs, endMs: startMs, jobs: numbers }
    this.#slices.push(slice)
    this.#open.set(key, slice)
  }

  #end(endMs: number, node: SimNode, duty: string): void {
    const key = `${node.options.index} ${duty}`
    const slice = this.#open.get(key)
    if (slice) slice.endMs = endMs
    this.#open.delete(key)
  }
}
