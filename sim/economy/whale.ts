/** A whale: the ring's nodes come to hold a large share of the stake from one epoch on, and are as honest as before. */
import type { Economy } from './economy.ts'
import { beside } from './population.ts'

const SIDES = ['workers', 'validators'] as const

/** What one has earned, before costs and after, and what lies at stake for it, all in wei. */
interface Earnings {
  readonly incomeWei: bigint
  readonly profitWei: bigint
  readonly stakeWei: bigint
}

export class Entry {
  readonly epoch: number
  readonly #economy: Economy
  readonly #whale: Earnings
  readonly #others: Earnings

  private constructor(economy: Economy) {
    this.epoch = economy.epoch
    this.#economy = economy
    this.#whale = earningsOf(economy, true)
    this.#others = earningsOf(economy, false)
  }

  /** All must have been settled up to now. */
  static into(economy: Economy): Entry {
    const entry = new Entry(economy)
    for (const side of SIDES) {
      const members = economy[side]
      const ring = ringOf(economy, side)
      const wei = beside(members.stakesWei.slice(ring), economy.scenario.whaleShare)
      for (let member = 0; member < ring; member++) members.stake(member, wei / BigInt(ring))
    }
    return entry
  }

  /** Its part of all that nodes were paid since, as a share. */
  get part(): number {
    const [its, theirs] = this.#since()
    return ratio(its.incomeWei, its.incomeWei + theirs.incomeWei)
  }

  /** Its profit for an OPEN at stake, beside that of the others. */
  get edge(): number {
    const [its, theirs] = this.#since()
    return ratio(its.profitWei * theirs.stakeWei, theirs.profitWei * its.stakeWei)
  }

  /** Profit of the others an epoch, beside what it was before. */
  get othersKept(): number {
    const [, theirs] = this.#since()
    const epochs = BigInt(this.#economy.epoch - this.epoch)
    return ratio(theirs.profitWei * BigInt(this.epoch), this.#others.profitWei * epochs)
  }

  #since(): readonly [whale: Earnings, others: Earnings] {
    return [this.#whale, this.#others].map((before, index) => {
      const now = earningsOf(this.#economy, index === 0)
      return {
        incomeWei: now.incomeWei - before.incomeWei,
        profitWei: now.profitWei - before.profitWei,
        stakeWei: now.stakeWei,
      }
    }) as unknown as readonly [Earnings, Earnings]
  }
}

function earningsOf(economy: Economy, isWhale: boolean): Earnings {
  let [incomeWei, profitWei, stakeWei] = [0n, 0n, 0n]
  for (const side of SIDES) {
    const members = economy[side]
    const ring = ringOf(economy, side)
    const [from, to] = isWhale ? [0, ring] : [ring, members.count]
    for (let member = from; member < to; member++) {
      incomeWei += members.incomeWei[member]!
      profitWei += economy.profitWei(side, member)
      stakeWei += members.stakesWei[member]!
    }
  }
  return { incomeWei, profitWei, stakeWei }
}

function ringOf({ population }: Economy, side: (typeof SIDES)[number]): number {
  return side === 'workers' ? population.ringWorkers : population.ringValidators
}

/** In millionths; 0 where there is nothing to compare with. */
function ratio(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000_000n) / whole) / 1e6
}
