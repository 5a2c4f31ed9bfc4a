/**
 * A modelled gossip network: each message goes to each node by itself, late, twice, or never. That is harsher than a
 * mesh, which has several paths; what is lost comes by reconciliation, as in the real node after an outage.
 */
import type { Random } from '../protocol/prng.ts'
import type { Clock } from './clock.ts'
import type { Scenario } from './scenario.ts'

export interface Counters {
  lost: number
  doubled: number
  cut: number
  hushed: number
}

export class Network {
  readonly counters: Counters = { lost: 0, doubled: 0, cut: 0, hushed: 0 }
  readonly #clock: Clock
  readonly #dice: Random
  readonly #scenario: Scenario
  #healed = false
  /** Nodes on one side of the rift; those not named are on the other. */
  #rift: ReadonlySet<number> | undefined

  constructor(clock: Clock, scenario: Scenario, dice: Random) {
    this.#clock = clock
    this.#scenario = scenario
    this.#dice = dice
  }

  /** Calls `deliver` after a while, perhaps twice, perhaps not at all. */
  send(from: number, to: number, deliver: () => void): void {
    if (this.#rift && this.#rift.has(from) !== this.#rift.has(to)) {
      this.counters.cut += 1
      return
    }
    if (this.#happens(this.#scenario.loss)) {
      this.counters.lost += 1
      return
    }
    this.#clock.after(this.#latencyMs(), deliver)
    if (!this.#happens(this.#scenario.doubled)) return
    this.counters.doubled += 1
    this.#clock.after(this.#latencyMs(), deliver)
  }

  /** Whether what is being said to a few is lost to them all: their part of the mesh has come apart, or somebody sits between. */
  hushes(): boolean {
    const isHushed = this.#happens(this.#scenario.hushed)
    if (isHushed) this.counters.hushed += 1
    return isHushed
  }

  partition(side: ReadonlySet<number> | undefined): void {
    this.#rift = side
  }

  heal(): void {
    this.#healed = true
    this.#rift = undefined
  }

  #latencyMs(): number {
    const [least, most] = this.#scenario.latencyMs
    return least + this.#dice.below(most - least + 1)
  }

  #happens(chance: number): boolean {
    return !this.#healed && chance > 0 && this.#dice.unit() < chance
  }
}
