/** The coins of which nodes pay for transactions, payment by payment: what they spend is burned, and what the L2 takes back returns. */
import { costWei as costOf, type Load, type Prices } from '../protocol/batch-cost.ts'
import type { Address } from '../protocol/fields.ts'
import { invariant } from '../protocol/invariant.ts'

export interface Payment {
  readonly sender: Address
  /** The kind of duty. */
  readonly what: string
  /** Of a post: the number of the batch. */
  readonly batch: number | undefined
  /** The block that took it, and what a unit of gas costs there at the least. */
  readonly block: number
  readonly baseFeeWei: bigint
  readonly load: Load
  readonly paid: Prices
  /** The contract refused it in its block: it has changed nothing, and is paid for. */
  readonly isVain: boolean
}

export class Purses {
  readonly payments: Payment[] = []
  readonly #fundWei: bigint
  readonly #left = new Map<Address, bigint>()
  #burnedWei = 0n

  /** @param fundWei what each has at first */
  constructor(fundWei: bigint) {
    this.#fundWei = fundWei
  }

  /** All that was paid. */
  get burnedWei(): bigint {
    return this.#burnedWei
  }

  leftWei(node: Address): bigint {
    return this.#left.get(node) ?? this.#fundWei
  }

  spentWei(node: Address): bigint {
    return this.#fundWei - this.leftWei(node)
  }

  pay(payment: Payment): void {
    this.#move(payment.sender, costWei(payment))
    this.payments.push(payment)
  }

  /** Gives back what was paid in blocks after this one. */
  takeBack(kept: number): void {
    for (let last = this.payments.at(-1); last && last.block > kept; last = this.payments.at(-1)) {
      this.#move(last.sender, -costWei(last))
      this.payments.pop()
    }
  }

  /** Throws where coins came from nowhere, went nowhere, or a block was cheaper than it may be. */
  check(): void {
    const paid = new Map<Address, bigint>()
    for (const payment of this.payments) {
      const { sender, what, baseFeeWei } = payment
      const { gasWei } = payment.paid
      const isDue = gasWei >= baseFeeWei
      invariant(isDue, `${what} paid ${gasWei} wei a gas in a block of ${baseFeeWei}`)
      paid.set(sender, (paid.get(sender) ?? 0n) + costWei(payment))
    }
    let totalWei = 0n
    for (const [node, leftWei] of this.#left) {
      const spentWei = paid.get(node) ?? 0n
      invariant(leftWei >= 0n, `${node} owes ${-leftWei} wei`)
      invariant(
        leftWei + spentWei === this.#fundWei,
        `${node} has ${leftWei}, paid ${spentWei} wei`,
      )
      totalWei += spentWei
    }
    const isBurned = totalWei === this.#burnedWei
    invariant(isBurned, `transactions took ${totalWei} wei, but ${this.#burnedWei} are burned`)
  }

  #move(node: Address, wei: bigint): void {
    this.#left.set(node, this.leftWei(node) - wei)
    this.#burnedWei += wei
  }
}

export function costWei({ load, paid }: Pick<Payment, 'load' | 'paid'>): bigint {
  return costOf(load, paid)
}
