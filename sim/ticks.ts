/**
 * When a node looks at the time and at the chain: twice a second, each at its own moments, of which those are left out at
 * which it would find nothing to do.
 */
import type { Clock } from './clock.ts'

/** From one moment at which a node looks to the next. */
export const TICK_MS = 500

export class Ticks {
  readonly #clock: Clock
  readonly #number: number
  readonly #tick: () => void
  /** The first in this life; the others follow from it. */
  #phaseMs = 0
  /** When the next is. */
  #nextMs = Number.POSITIVE_INFINITY
  /** Counts lives: what a former one had set is void. */
  #life = 0

  /** @param number puts ticks of several nodes at the same moment in an order */
  constructor(clock: Clock, number: number, tick: () => void) {
    this.#clock = clock
    this.#number = number
    this.#tick = tick
  }

  /** Begins, after so long. */
  start(delayMs: number): void {
    this.stop()
    this.#phaseMs = this.#clock.nowMs + delayMs
    this.#set(this.#phaseMs)
  }

  stop(): void {
    this.#life += 1
    this.#nextMs = Number.POSITIVE_INFINITY
  }

  /** The next moment after now at which it has come to a time. */
  wakeFrom(timeMs: number): void {
    this.#set(Math.max(this.after(this.#clock.nowMs), this.after(timeMs - 1)))
  }

  /** The first moment after a time. */
  after(timeMs: number): number {
    if (timeMs < this.#phaseMs) return this.#phaseMs
    return this.#phaseMs + TICK_MS * (1 + Math.floor((timeMs - this.#phaseMs) / TICK_MS))
  }

  #set(atMs: number): void {
    if (atMs >= this.#nextMs) return
    this.#nextMs = atMs
    const life = this.#life
    this.#clock.before(atMs - this.#clock.nowMs, this.#number, () => {
      if (this.#life !== life || this.#nextMs !== atMs) return
      this.#nextMs = Number.POSITIVE_INFINITY
      this.#tick()
    })
  }
}
