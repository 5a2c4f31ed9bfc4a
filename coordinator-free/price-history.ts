/**
 * What blocks have asked for gas and data: not all of it, but how long it has been no more than anything. Turns are taken
 * from there, or all whose turn had passed while it was dear would act at once when it is cheap.
 */
import type { Prices } from '../protocol/batch-cost.ts'

/** Dearer times that are kept: with OP Mainnet's two seconds a block some eight minutes in which the base fee only fell. */
const MAX_PAST = 256

interface Past {
  readonly prices: Prices
  /** Time of the first block with other prices. */
  readonly untilMs: number
}

export class PriceHistory {
  /** The newest block's; none where blocks do not tell. */
  newest: Prices | undefined
  /** Each dearer in gas or in data than all that came later. */
  #past: readonly Past[] = []
  /** Nothing is known of before. */
  #knownMs = Number.NEGATIVE_INFINITY

  /** @returns whether they are known now and were not, or the reverse */
  add(prices: Prices | undefined, timestampMs: number): boolean {
    const before = this.newest
    this.newest = prices
    if (!prices) {
      this.#past = []
      this.#knownMs = Number.NEGATIVE_INFINITY
    } else if (before && !isEqual(before, prices)) {
      const past = [...this.#past, { prices: before, untilMs: timestampMs }]
      const dearer = past.filter((one) => !isNoMore(one.prices, prices))
      const dropped = dearer.at(-MAX_PAST - 1)
      if (dropped) this.#knownMs = dropped.untilMs
      this.#past = dearer.slice(-MAX_PAST)
    }
    return (before === undefined) !== (prices === undefined)
  }

  /**
   * Since when all blocks were cheap; `undefined` while the newest is not.
   * @param isCheap of prices; what is no dearer than cheap is cheap
   */
  cheapSince(isCheap: (prices: Prices) => boolean): number | undefined {
    if (!this.newest || !isCheap(this.newest)) return undefined
    return this.#past.findLast(({ prices }) => !isCheap(prices))?.untilMs ?? this.#knownMs
  }
}

function isEqual(a: Prices, b: Prices): boolean {
  return a.gasWei === b.gasWei && a.byteWei === b.byteWei
}

function isNoMore(a: Prices, b: Prices): boolean {
  return a.gasWei <= b.gasWei && a.byteWei <= b.byteWei
}
