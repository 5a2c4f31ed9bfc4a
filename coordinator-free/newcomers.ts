/**
 * Contributors who are to be paid for the first time. Anybody may name thousands in one answer, and each has a place for good,
 * on every node: so a batch takes so many, those with the most first, and the more places are taken the more one must be
 * worth. Whoever would fill them all pays more for every doubling than for all before it.
 */
import type { Address, Cid } from '../protocol/fields.ts'
import { MAX_PAYOUTS } from '../protocol/payouts.ts'
import type { Owed } from './owed.ts'

/** New accounts of contributors in a batch. */
export const MAX_NEWCOMERS = 1024
/** The last places are for those who work: they have staked. */
export const CONTRIBUTOR_PLACES = MAX_PAYOUTS - 50_000
/** A gwei for the first places, */
const FIRST_PLACE_WEI = 10n ** 9n
/** and twice as much after so many: 0.00003 OPEN halfway, 0.3 for the last. */
const PLACES_A_DOUBLING = 16_000

/** What an account must be paid at once to get a place beside so many others. */
export function leastFirstPayWei(places: number): bigint {
  return FIRST_PLACE_WEI << BigInt(Math.floor(places / PLACES_A_DOUBLING))
}

interface Part {
  readonly adapter: Cid
  readonly wei: bigint
}

export class Newcomers {
  readonly #parts = new Map<Address, Part[]>()

  add(account: Address, adapter: Cid, wei: bigint): void {
    if (wei === 0n) return
    this.#parts.set(account, [...(this.#parts.get(account) ?? []), { adapter, wei }])
  }

  /** Pays those who get a place, and has the parts of the others carried on. */
  settle(owed: Owed, carry: (adapter: Cid, wei: bigint) => void): void {
    const all = [...this.#parts].map(([account, parts]) => {
      return { account, parts, totalWei: parts.reduce((sum, { wei }) => sum + wei, 0n) }
    })
    const byWorth = all.sort((a, b) => {
      if (a.totalWei !== b.totalWei) return a.totalWei > b.totalWei ? -1 : 1
      return a.account < b.account ? -1 : 1
    })
    for (const [place, { account, parts, totalWei }] of byWorth.entries()) {
      const isTaken = place < MAX_NEWCOMERS && owed.count < CONTRIBUTOR_PLACES
      if (isTaken && totalWei >= leastFirstPayWei(owed.count)) owed.pay(account, totalWei)
      else for (const { adapter, wei } of parts) carry(adapter, wei)
    }
  }
}
