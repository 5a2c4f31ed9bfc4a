/** What arrived, how late, and whether that can be: a message is delivered to nobody who was not there to expect it. */
import { invariant } from '../../protocol/invariant.ts'
import { RunHash } from '../kernel/run-hash.ts'

/** Delays are counted in steps of half a millisecond; what takes more than 16 s counts as that. */
export const STEP_US = 500
const STEPS = 32_768

export class Tally {
  /** Of the deliveries: when, to whom, which message. The same with and without elision. */
  readonly hash = new RunHash()
  delivered = 0
  /** Nodes that were there when a message was published, its publisher aside, over all messages. */
  expected = 0
  /** Of these, went away before it came. */
  excused = 0
  /** Came to nodes that were not there when it was published. */
  caughtUp = 0
  duplicates = 0
  /** Messages that silent nodes kept to themselves. */
  silenced = 0
  /** Messages that an attacker's nodes kept to themselves, and those that they promised in vain. */
  attacks = 0
  /** Came to nodes that an attack is aimed at, of what was expected there. */
  toTargets = 0
  expectedByTargets = 0
  readonly #expectedBy: number[] = []
  readonly #deliveredBy: number[] = []
  readonly #delays = new Float64Array(STEPS)

  published(expected: number): void {
    this.expected += expected
    this.#expectedBy.push(expected)
    this.#deliveredBy.push(0)
  }

  /** @param delayUs since publication */
  arrived(atUs: number, node: number, message: number, delayUs: number, wasThere: boolean): void {
    this.hash.absorb(atUs, node, message, 0)
    if (!wasThere) {
      this.caughtUp += 1
      return
    }
    this.delivered += 1
    const delivered = ++this.#deliveredBy[message]!
    if (delivered > this.#expectedBy[message]!) this.#tooMany(message)
    this.#delays[Math.min(STEPS - 1, Math.floor(delayUs / STEP_US))]! += 1
  }

  /** Share of the nodes that stayed to which messages came. */
  get reach(): number {
    const stayed = this.expected - this.excused
    return stayed === 0 ? 1 : this.delivered / stayed
  }

  /** Milliseconds within which this share of the deliveries came; 0 where there were none. */
  delayMs(share: number): number {
    if (this.delivered === 0) return 0
    let left = share * this.delivered
    const step = this.#delays.findIndex((count) => {
      left -= count
      return left <= 0
    })
    return ((step + 1) * STEP_US) / 1000
  }

  /** Deliveries by how long they took, in steps of `STEP_US`; the last takes in all that took longer. */
  get delays(): Float64Array {
    return this.#delays
  }

  /** Deliveries of one message, and the nodes that were there for it. */
  of(message: number): { delivered: number; expected: number } {
    return { delivered: this.#deliveredBy[message]!, expected: this.#expectedBy[message]! }
  }

  #tooMany(message: number): never {
    const delivered = this.#deliveredBy[message]
    invariant(
      false,
      `message ${message} was delivered to ${delivered} of ${this.#expectedBy[message]} nodes`,
    )
  }
}
