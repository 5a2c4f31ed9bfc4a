/**
 * How long an answer holds. A rule asks here whether a time has come; whoever keeps the rule's answer then knows when the
 * first of these questions will be answered otherwise, and whether the newest block was looked at. Rules stay functions of
 * the ledger and the time: what is noted here is about them, and no rule reads it.
 */

/** What a rule has answered. It holds for the same facts, until `untilMs`, and where it saw the head for this head. */
export interface Held<T> {
  readonly value: T
  /** From then on time alone may change it; infinite where it never does. */
  readonly untilMs: number
  readonly sawHead: boolean
}

let askedAtMs = Number.NEGATIVE_INFINITY
let soonestMs = Number.POSITIVE_INFINITY
let sawHead = false

/** True from `atMs` on. */
export function hasCome(atMs: number, nowMs: number): boolean {
  if (nowMs >= atMs) return true
  noteTime(atMs)
  return false
}

/** True after `lastMs`. */
export function isOver(lastMs: number, nowMs: number): boolean {
  if (nowMs > lastMs) return true
  noteTime(lastMs)
  return false
}

/** How many whole steps have passed since a time; none before it. */
export function stepsSince(sinceMs: number, stepMs: number, nowMs: number): number {
  const steps = Math.floor(Math.max(0, nowMs - sinceMs) / stepMs)
  noteTime(sinceMs + (steps + 1) * stepMs)
  return steps
}

/** Notes that what is being worked out depends on the newest block. */
export function noteHead(): void {
  sawHead = true
}

/** A rule that asks for the time, and for what it is about. */
type Rule<T, About> = (about: About, nowMs: number) => T

/** Asks a rule, and tells how long its answer holds. Answers within answers count for both. */
export function hold<T, About>(rule: Rule<T, About>, about: About, nowMs: number): Held<T> {
  const [outerAtMs, outerSoonestMs, outerSaw] = [askedAtMs, soonestMs, sawHead]
  askedAtMs = nowMs
  soonestMs = Number.POSITIVE_INFINITY
  sawHead = false
  try {
    const value = rule(about, nowMs)
    return { value, untilMs: soonestMs, sawHead }
  } finally {
    askedAtMs = outerAtMs
    soonestMs = Math.min(outerSoonestMs, soonestMs)
    sawHead ||= outerSaw
  }
}

/** A rule's answer, worked out again only where it may have changed. */
export class Kept<T, About = undefined> {
  readonly #rule: Rule<T, About>
  #held: Held<T> | undefined
  #facts = 0
  #heads = 0
  #atMs = 0

  constructor(rule: Rule<T, About>) {
    this.#rule = rule
  }

  /**
   * @param facts a number that differs whenever a fact does which the answer may depend on
   * @param heads the same of the newest block
   */
  holds(facts: number, heads: number, nowMs: number): boolean {
    const held = this.#held
    if (!held || this.#facts !== facts || nowMs < this.#atMs || nowMs >= held.untilMs) return false
    return !held.sawHead || this.#heads === heads
  }

  /** From then on the answer that is kept may not hold for time alone; infinite where none is kept. */
  get untilMs(): number {
    return this.#held?.untilMs ?? Number.POSITIVE_INFINITY
  }

  /** Whether another block may change the answer that is kept. */
  get sawHead(): boolean {
    return this.#held?.sawHead === true
  }

  /** The answer, from before where it still holds. Whoever is keeping an answer in which it counts is told how long. */
  of(about: About, facts: number, heads: number, nowMs: number): T {
    if (!this.#held || !this.holds(facts, heads, nowMs)) {
      this.#held = hold(this.#rule, about, nowMs)
      this.#facts = facts
      this.#heads = heads
      this.#atMs = nowMs
    }
    noteTime(this.#held.untilMs)
    if (this.#held.sawHead) noteHead()
    return this.#held.value
  }
}

/**
 * Notes a time at which what is being worked out may change. Times that are past change nothing more: rules also ask about
 * moments of long ago.
 */
export function noteTime(atMs: number): void {
  if (atMs >= askedAtMs && atMs < soonestMs) soonestMs = atMs
}
