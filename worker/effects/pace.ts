/** Whether a fine-tune will be done before its worker's turn is over. */
import type { Job } from '../../protocol/job.ts'
import { TURN_SHARE } from '../../protocol/params.ts'

/** The first step is slower than those after it, and a few tell little. */
const LEAST_MS = 5000
const LEAST_REPORTS = 4
/** Other work on the machine may end, so it is given up only where it would take a quarter more time than there is. */
const SLACK = 1.25
/** Later than in this part of the turn it is not given up: what was done is worth something to the next worker. */
const EARLY = 1 / 4

export class Pace {
  readonly #startedMs: number
  readonly #turnMs: number
  #first: { readonly atMs: number; readonly done: number } | undefined
  #reports = 0

  constructor({ deadlineMs, issuedAtMs }: Pick<Job, 'deadlineMs' | 'issuedAtMs'>, nowMs: number) {
    this.#startedMs = nowMs
    this.#turnMs = (deadlineMs - issuedAtMs) * TURN_SHARE
  }

  /** Milliseconds that it will take in all, where that is clear by now and too long. */
  tooLong(done: number, total: number, nowMs: number): number | undefined {
    this.#first ??= { atMs: nowMs, done }
    this.#reports += 1
    const { atMs, done: before } = this.#first
    const tookMs = nowMs - atMs
    if (this.#reports < LEAST_REPORTS || tookMs < LEAST_MS || done <= before) return undefined
    if (nowMs > this.#startedMs + this.#turnMs * EARLY) return undefined
    const leftMs = (tookMs * (total - done)) / (done - before)
    const allMs = nowMs - this.#startedMs + leftMs
    return allMs > this.#turnMs * SLACK ? allMs : undefined
  }
}
