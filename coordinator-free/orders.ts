/**
 * Which duties are under way. Duties are asked for at every event; this keeps one from being ordered twice, and lets
 * one that failed wait a little longer each time. It is forgotten with the process: whatever was not done is due again.
 */
import { MAX_RETRY_MS, RETRY_MS } from '../protocol/params.ts'
import { hasCome } from './horizon.ts'

interface Order {
  readonly running: boolean
  readonly failures: number
  readonly retryAtMs: number
}

export class Orders {
  readonly #orders = new Map<string, Order>()

  /** Counts what began, ended or failed. */
  changes = 0

  /** False of a duty that is under way, or waits to be tried again. */
  mayStart(duty: string, nowMs: number): boolean {
    const held = this.#orders.get(duty)
    return !held || (!held.running && hasCome(held.retryAtMs, nowMs))
  }

  /** True where the duty is not under way and may be tried now; from then on it counts as under way. */
  start(duty: string, nowMs: number): boolean {
    if (!this.mayStart(duty, nowMs)) return false
    const failures = this.#orders.get(duty)?.failures ?? 0
    this.#orders.set(duty, { running: true, failures, retryAtMs: 0 })
    this.changes += 1
    return true
  }

  isRunning(duty: string): boolean {
    return this.#orders.get(duty)?.running ?? false
  }

  end(duty: string): void {
    if (this.#orders.delete(duty)) this.changes += 1
  }

  fail(duty: string, nowMs: number): void {
    const failures = (this.#orders.get(duty)?.failures ?? 0) + 1
    const waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (failures - 1))
    this.#orders.set(duty, { running: false, failures, retryAtMs: nowMs + waitMs })
    this.changes += 1
  }

  /** Forgets what failed and was not asked for again, long after it might have been: its job is gone. */
  tidy(nowMs: number): void {
    for (const [duty, { running, retryAtMs }] of this.#orders) {
      if (!running && nowMs > retryAtMs + FORGOTTEN_MS) this.#orders.delete(duty)
    }
  }
}

const FORGOTTEN_MS = 10 * MAX_RETRY_MS
