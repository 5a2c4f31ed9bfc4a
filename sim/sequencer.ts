/** Who makes the blocks of the fake L2: one a second, none while it stands still, and for what gas costs then. */
import type { Prices } from '../protocol/batch-cost.ts'
import type { Random } from '../protocol/prng.ts'
import type { Clock } from './clock.ts'
import type { Timeline } from './timeline.ts'

const BLOCK_MS = 1000

export interface SequencerOptions {
  readonly clock: Clock
  readonly timeline: Timeline
  readonly dice: Random
  /** Chance that a call to the chain fails. */
  readonly failures: number
  /** What gas and data cost as a rule. */
  readonly prices: Prices
}

interface Spike {
  readonly untilMs: number
  readonly factor: number
}

export class Sequencer {
  /** How often each thing happened. */
  readonly counters = { chainFailed: 0, spikes: 0 }
  readonly #options: SequencerOptions
  #downUntilMs = 0
  #isHealed = false
  #spikes: readonly Spike[] = []

  /** The first block is there at once. */
  constructor(options: SequencerOptions) {
    this.#options = options
    options.timeline.mine(options.clock.nowMs, options.prices)
  }

  /** Goes on making blocks. */
  start(): void {
    const { clock, timeline } = this.#options
    clock.after(BLOCK_MS, () => {
      if (!this.isDown) timeline.mine(clock.nowMs, this.#prices)
      this.start()
    })
  }

  /** For so long gas and data cost so many times as much. Of several spikes at once the highest counts. */
  spike(factor: number, forMs: number): void {
    this.counters.spikes += 1
    this.#spikes = [...this.#spikes, { factor, untilMs: this.#options.clock.nowMs + forMs }]
  }

  get #prices(): Prices {
    const { prices, clock } = this.#options
    if (this.#spikes.length === 0) return prices
    this.#spikes = this.#spikes.filter(({ untilMs }) => clock.nowMs < untilMs)
    const factor = BigInt(Math.max(1, ...this.#spikes.map((spike) => spike.factor)))
    return { gasWei: prices.gasWei * factor, byteWei: prices.byteWei * factor }
  }

  get isDown(): boolean {
    return this.#options.clock.nowMs < this.#downUntilMs
  }

  /** Mines nothing and answers nobody for so long. */
  standStill(forMs: number): void {
    this.#downUntilMs = Math.max(this.#downUntilMs, this.#options.clock.nowMs + forMs)
  }

  /** From here on calls reach it, unless it stands still. */
  heal(): void {
    this.#isHealed = true
  }

  /** Whether a call that is made now fails on its way. */
  fails(): boolean {
    if (this.isDown) return true
    const { dice, failures } = this.#options
    const fails = !this.#isHealed && dice.unit() < failures
    if (fails) this.counters.chainFailed += 1
    return fails
  }
}
