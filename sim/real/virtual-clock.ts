/**
 * A clock that stands still until it is moved, in place of this thread's own: `Date.now`, timers and `Math.random` are
 * replaced while something runs that knows no other, such as libp2p's gossipsub.
 */
import { Agenda } from '../kernel/agenda.ts'
import { RunHash } from '../kernel/run-hash.ts'

type Act = (() => void) | undefined

/** What `setTimeout` and `setInterval` give here. */
interface Timer {
  act: Act
  ref(): Timer
  unref(): Timer
}

/** When it is at 0. Any moment would do that is no multiple of whatever somebody counts in. */
const EPOCH_MS = 1_700_000_000_123

export class VirtualClock {
  /** Of all that happened: when, to whom, and how large it was. */
  readonly hash = new RunHash()
  readonly #agenda = new Agenda<() => void>()
  readonly #random: () => number
  readonly #own = {
    now: Date.now,
    random: Math.random,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
  }
  readonly #turn = globalThis.setImmediate
  #sequence = 0

  /** @param random what `Math.random` gives, 0 .. 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  get nowUs(): number {
    return this.#agenda.nowUs
  }

  /** Has something happen; what is set for the same moment happens in the order in which it was set. */
  at(atUs: number, act: () => void): void {
    this.#agenda.push(Math.max(this.nowUs, Math.round(atUs)), 0, this.#sequence++, act)
  }

  install(): void {
    Date.now = () => EPOCH_MS + Math.floor(this.nowUs / 1000)
    Math.random = this.#random
    const set = (act: () => void, ms = 0) => this.#timer(act, ms, false)
    const repeat = (act: () => void, ms = 0) => this.#timer(act, ms, true)
    const clear = (timer: unknown) => {
      if (timer) (timer as Timer).act = undefined
    }
    Object.assign(globalThis, { setTimeout: set, setInterval: repeat })
    Object.assign(globalThis, { clearTimeout: clear, clearInterval: clear })
  }

  uninstall(): void {
    const { now, random, ...timers } = this.#own
    Date.now = now
    Math.random = random
    Object.assign(globalThis, timers)
  }

  /** Lets all happen that is due by then, and whatever that leads to. */
  async runUntil(untilUs: number): Promise<void> {
    for (;;) {
      // Promises that are settled go on before anything else happens.
      await new Promise<void>((resolve) => this.#turn(resolve))
      const act = this.#agenda.next(untilUs)
      if (!act) return
      act()
    }
  }

  #timer(act: () => void, ms: number, repeats: boolean): Timer {
    const timer: Timer = { act, ref: () => timer, unref: () => timer }
    const delayUs = Math.max(1, ms) * 1000
    const fire = () => {
      if (!timer.act) return
      if (repeats) this.at(this.nowUs + delayUs, fire)
      timer.act()
    }
    this.at(this.nowUs + delayUs, fire)
    return timer
  }
}
