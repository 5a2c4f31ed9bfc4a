/**
 * A recording of a real node, played again: the same core is built, is given the same events at the same times, and has to
 * give the same effects. Where it does not, core or recording have changed.
 */
import type { Effect, Event } from '../coordinator-free/events.ts'
import type { Ledger } from '../coordinator-free/ledger.ts'
import { Core } from '../coordinator-free/node.ts'
import type { Reason } from '../coordinator-free/reason.ts'
import { reasons } from '../coordinator-free/reasons.ts'
import {
  type CoreSettings,
  coreOptionsOf,
  digestOf,
  inWords,
  type RecordedLine,
} from '../coordinator-free/recording.ts'
import type { Role } from '../protocol/chain.ts'
import { type Hash, keccakHash, utf8, ZERO_HASH } from '../protocol/hash.ts'

type EventLine = Extract<RecordedLine, { kind: 'event' }>

/** The first event at which this core does otherwise. */
export interface Difference {
  readonly line: number
  readonly atMs: number
  readonly event: Event
  /** Effects in words and their digest, as recorded and as they came now. */
  readonly recorded: Outcome
  readonly now: Outcome
}

export interface Outcome {
  readonly did: string
  readonly digest: string
}

export interface Told {
  readonly self: string
  readonly roles: readonly Role[]
  /** Times that the node was started, and cores that were built anew since blocks were taken back. */
  readonly starts: number
  readonly rebuilds: number
  readonly events: number
  readonly seconds: number
  /** By kind; judgements by their reason. */
  readonly byEvent: Readonly<Record<string, number>>
  readonly byEffect: Readonly<Record<string, number>>
  readonly byJudgement: Readonly<Record<string, number>>
  /** Of all effects in their order. */
  readonly hash: Hash
  readonly isFull: boolean
}

/** Jobs whose reasons are kept when they are settled. */
const MOST_SETTLED = 100_000

export class Rerun {
  #settings: CoreSettings | undefined
  #core: Core | undefined
  #roles: readonly Role[] = []
  #starts = 0
  #rebuilds = 0
  #events = 0
  #fromMs = 0
  /** Time of the newest line. */
  atMs = 0
  #isFull = false
  #hash: Hash = ZERO_HASH
  readonly #byEvent: Record<string, number> = {}
  readonly #byEffect: Record<string, number> = {}
  readonly #byJudgement: Record<string, number> = {}
  /** Reasons as they were told when their jobs were settled. */
  readonly #settled = new Map<Hash, readonly Reason[]>()

  /** @returns where this core does otherwise: nothing that comes after it means anything */
  feed(line: RecordedLine, number: number): Difference | undefined {
    this.atMs = line.atMs
    switch (line.kind) {
      case 'start':
        if (this.#starts === 0) this.#fromMs = line.atMs
        this.#settings = line.core
        this.#roles = line.roles
        this.#starts += 1
        this.#build()
        return undefined
      case 'rebuilt':
        this.#rebuilds += 1
        this.#build()
        return undefined
      case 'full':
        this.#isFull = true
        return undefined
      case 'event':
        return this.#handle(line, number)
    }
  }

  get told(): Told {
    return {
      self: this.#settings?.self ?? '',
      roles: this.#roles,
      starts: this.#starts,
      rebuilds: this.#rebuilds,
      events: this.#events,
      seconds: (this.atMs - this.#fromMs) / 1000,
      ...{ byEvent: this.#byEvent, byEffect: this.#byEffect, byJudgement: this.#byJudgement },
      hash: this.#hash,
      isFull: this.#isFull,
    }
  }

  /** Jobs whose ids begin so, of those that are open or were settled. */
  jobsLike(prefix: string): Hash[] {
    const known = new Set([...this.#settled.keys(), ...(this.#ledger?.jobs.keys() ?? [])])
    return [...known].filter((jobId) => jobId.startsWith(prefix))
  }

  /** Why the node stood to a job as it did: when it was settled, or else at the end of the recording. */
  why(jobId: Hash): { readonly settled: boolean; readonly reasons: readonly Reason[] } {
    const settled = this.#settled.get(jobId)
    if (settled) return { settled: true, reasons: settled }
    const { self } = this.#settings!
    return { settled: false, reasons: reasons(this.#ledger!, self, jobId, this.atMs) }
  }

  get #ledger(): Ledger | undefined {
    return this.#core?.ledger
  }

  #build(): void {
    this.#core = new Core(coreOptionsOf(this.#settings!))
  }

  #handle(line: EventLine, number: number): Difference | undefined {
    const { atMs, event } = line
    count(this.#byEvent, event.kind)
    this.#events += 1
    const recorded = recordedOutcome(line)
    const now = this.#outcomeOf(event, atMs)
    if (now.digest !== recorded.digest) return { line: number, atMs, event, recorded, now }
    if (now.digest !== '') this.#hash = keccakHash(utf8(`${this.#hash} ${now.digest}`))
    return undefined
  }

  #outcomeOf(event: Event, atMs: number): Outcome {
    let effects: readonly Effect[]
    try {
      effects = this.#core!.handle(event, atMs)
    } catch (error) {
      return thrown((error as Error).message)
    }
    for (const effect of effects) this.#note(effect)
    return { did: inWords(effects), digest: digestOf(effects) }
  }

  #note(effect: Effect): void {
    count(this.#byEffect, effect.kind)
    if (effect.kind === 'judge') count(this.#byJudgement, effect.judgement.reason)
    if (effect.kind !== 'tell' || effect.news.kind !== 'settled') return
    const { data, why } = effect.news
    data.receipts.forEach(({ jobId }, index) => {
      // A core that begins anew reads old batches again, and knows less of their jobs than the one that was.
      const [told = [], before = []] = [why[index], this.#settled.get(jobId)]
      if (told.length >= before.length) this.#settled.set(jobId, told)
    })
    for (const jobId of this.#settled.keys()) {
      if (this.#settled.size <= MOST_SETTLED) break
      this.#settled.delete(jobId)
    }
  }
}

function recordedOutcome({ did = '', digest = '', threw }: EventLine): Outcome {
  return threw === undefined ? { did, digest } : thrown(threw)
}

/** A core that dies of the same has done the same. */
function thrown(message: string): Outcome {
  const did = `threw: ${message.replace(/\p{Cc}+/gu, ' ')}`
  return { did, digest: did }
}

function count(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1
}
