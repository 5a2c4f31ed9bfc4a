/** Jobs that a worker is executing: how far they are, and the signs of life that it gives of them. */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { BEAT_MS } from '../protocol/params.ts'
import { inOrder } from './desk.ts'
import type { Effect, EventOf } from './events.ts'
import { hasCome } from './horizon.ts'
import type { Ledger } from './ledger.ts'
import type { Orders } from './orders.ts'

export class InHand {
  readonly #ledger: Ledger
  readonly #orders: Orders
  readonly #progress = new Map<Hash, EventOf<'progressed'>>()
  readonly #beatenAtMs = new Map<Hash, number>()
  /** Jobs that may be under way. */
  readonly #begun = new Set<Hash>()

  constructor(ledger: Ledger, orders: Orders) {
    this.#ledger = ledger
    this.#orders = orders
  }

  /** A duty was started. */
  begin(duty: string): void {
    if (duty.startsWith(EXECUTE)) this.#begun.add(duty.slice(EXECUTE.length) as Hash)
  }

  progress(event: EventOf<'progressed'>): void {
    this.#progress.set(event.jobId, event)
  }

  /** In the order in which they came. */
  jobs(): Hash[] {
    if (this.#begun.size === 0) return []
    for (const jobId of this.#begun) {
      if (!this.#orders.isRunning(EXECUTE + jobId)) this.#begun.delete(jobId)
    }
    return inOrder(this.#ledger.jobs, this.#begun)
  }

  /** A sign of life for each. Beats are never repeated, so their failure is of no account. */
  beats(worker: Address, nowMs: number): readonly Effect[] {
    if (this.#begun.size === 0) return NOTHING
    return this.jobs().flatMap((jobId): Effect[] => {
      if (!hasCome((this.#beatenAtMs.get(jobId) ?? 0) + BEAT_MS, nowMs)) return []
      this.#beatenAtMs.set(jobId, nowMs)
      const { done, total, lossMicro, state } = this.#progress.get(jobId) ?? NO_PROGRESS
      const body = { jobId, worker, done, total, lossMicro, state, issuedAtMs: nowMs }
      return [{ kind: 'publish', duty: `beat ${jobId}`, message: { kind: 'beat', body } }]
    })
  }

  /** When the next sign of life is due; infinite where nothing is under way. */
  get nextBeatMs(): number {
    if (this.#begun.size === 0) return Number.POSITIVE_INFINITY
    const beaten = this.jobs().map((jobId) => this.#beatenAtMs.get(jobId) ?? 0)
    return Math.min(...beaten.map((atMs) => atMs + BEAT_MS))
  }

  /** Forgets jobs that are over. */
  tidy(): void {
    for (const jobId of this.#beatenAtMs.keys()) {
      if (this.#ledger.jobs.has(jobId)) continue
      this.#beatenAtMs.delete(jobId)
      this.#progress.delete(jobId)
    }
  }
}

/** Before the job's digest: the name of the duty to execute it. */
const EXECUTE = 'execute '
const NOTHING: readonly never[] = []
const NO_PROGRESS = { done: 0, total: 0, lossMicro: 0, state: '' } as const
