/** What everybody is owed in all: the payouts of the batch before, and what the next one adds. */
import type { Address } from '../protocol/fields.ts'
import { accountsIn, cumulativeOf, type PayoutPage, withPayouts } from '../protocol/payouts.ts'

export class Owed {
  readonly #before: readonly PayoutPage[]
  readonly #changed = new Map<Address, bigint>()
  #count: number

  constructor(before: readonly PayoutPage[]) {
    this.#before = before
    this.#count = accountsIn(before)
  }

  /** Accounts that are owed anything, or ever were. */
  get count(): number {
    return this.#count
  }

  has(account: Address): boolean {
    return this.#held(account) !== undefined
  }

  /** Who is paid nothing takes no place. */
  pay(account: Address, wei: bigint): void {
    if (wei === 0n) return
    const held = this.#held(account)
    if (held === undefined) this.#count += 1
    this.#changed.set(account, (held ?? 0n) + wei)
  }

  /** Those that nothing was added to are the same objects as before. */
  pages(): readonly PayoutPage[] {
    return withPayouts(this.#before, this.#changed)
  }

  #held(account: Address): bigint | undefined {
    return this.#changed.get(account) ?? cumulativeOf(this.#before, account)
  }
}
