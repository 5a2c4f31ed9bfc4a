/** Virtual time, and what is to happen in it. Equal times keep the order in which they were set. */
import { Agenda } from './kernel/agenda.ts'
import { MOST_SOURCES } from './kernel/wheel.ts'

export class Clock {
  readonly #startMs: number
  readonly #agenda = new Agenda<() => void>()
  #count = 0

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  get nowMs(): number {
    return this.#startMs + this.#agenda.nowUs / 1000
  }

  after(delayMs: number, action: () => void): void {
    this.#push(delayMs, MOST_SOURCES - 1, action)
  }

  /** The same, before all else that happens then, and where several come first, in the order of their numbers. */
  before(delayMs: number, number: number, action: () => void): void {
    this.#push(delayMs, number, action)
  }

  #push(delayMs: number, source: number, action: () => void): void {
    const atUs = this.#agenda.nowUs + Math.round(1000 * Math.max(0, delayMs))
    this.#agenda.push(atUs, source, this.#count++, action)
  }

  /** Runs the next thing and moves time to it; false where nothing is left before `untilMs`. */
  step(untilMs: number): boolean {
    const action = this.#agenda.next(1000 * (untilMs - this.#startMs))
    action?.()
    return action !== undefined
  }
}
