/** Who makes the blocks of the fake L2: one a second, none while it stands still, for what gas costs then, and with others' traffic. */
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

/** For a while prices are so many times as high, or others want so much more gas. */
interface Spell {
  readonly untilMs: number
  readonly size: number
}

export class Sequencer {
  /** How often each thing happened. */
  readonly counters = { chainFailed: 0, spikes: 0, bursts: 0 }
  readonly #options: SequencerOptions
  #downUntilMs = 0
  #isHealed = false
  #spikes: readonly Spell[] = []
  #bursts: readonly Spell[] = []

  /** The first block is there at once. */
  constructor(options: SequencerOptions) {
    this.#options = options
    this.#mine()
  }

  /** Goes on making blocks. */
  start(): void {
    this.#options.clock.after(BLOCK_MS, () => {
      if (!this.isDown) this.#mine()
      this.start()
    })
  }

  #mine(): void {
    const { clock, timeline } = this.#options
    timeline.mine(clock.nowMs, this.#prices, this.#burstGas)
  }

  /** For so long gas and data cost so many times as much. Of several spikes at once the highest counts. */
  spike(factor: number, forMs: number): void {
    this.counters.spikes += 1
    this.#spikes = [...this.#spikes, this.#spell(factor, forMs)]
  }

  /** For so long others want so much more gas of each block. Several add up. */
  burst(gas: number, forMs: number): void {
    this.counters.bursts += 1
    this.#bursts = [...this.#bursts, this.#spell(gas, forMs)]
  }

  #spell(size: number, forMs: number): Spell {
    return { size, untilMs: this.#options.clock.nowMs + forMs }
  }

  #goesOn({ untilMs }: Spell): boolean {
    return this.#options.clock.nowMs < untilMs
  }

  get #prices(): Prices {
    const { prices } = this.#options
    if (this.#spikes.length === 0) return prices
    this.#spikes = this.#spikes.filter((spike) => this.#goesOn(spike))
    const factor = BigInt(Math.max(1, ...this.#spikes.map(({ size }) => size)))
    return { gasWei: prices.gasWei * factor, byteWei: prices.byteWei * factor }
  }

  get #burstGas(): bigint {
    this.#bursts = this.#bursts.filter((burst) => this.#goesOn(burst))
    return BigInt(this.#bursts.reduce((sum, { size }) => sum + size, 0))
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
