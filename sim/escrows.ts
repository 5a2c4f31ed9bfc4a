/** What payers put aside, and what vouchers allow: the FeeEscrow of the fake L2. */
import type { SignedCharge } from '../coordinator-free/events.ts'
import type { Address } from '../protocol/fields.ts'
import { recoverAddress } from '../protocol/signature.ts'
import { type Domain, digest } from '../protocol/struct.ts'
import { Voucher } from '../protocol/voucher.ts'
import { Reverted, type WriteLog } from './contract.ts'

export interface EscrowOptions {
  readonly vouchers: Domain
  readonly recover?: typeof recoverAddress
}

export class Escrows {
  readonly #options: EscrowOptions
  readonly #log: WriteLog
  readonly #held = new Map<Address, { balance: bigint; redeemed: bigint; authorised: bigint }>()

  constructor(options: EscrowOptions, log: WriteLog) {
    this.#options = options
    this.#log = log
  }

  deposit(payer: Address, amountWei: bigint): void {
    const held = this.#held.get(payer) ?? { balance: 0n, redeemed: 0n, authorised: 0n }
    this.#held.set(payer, { ...held, balance: held.balance + amountWei })
    this.#tell(payer)
  }

  /** @throws Reverted where balance or voucher do not cover the charge */
  check({ payer, feeWei, cumulativeWei, signature }: SignedCharge): void {
    const account = payer as Address
    const held = this.#held.get(account)
    if (!held || held.balance < feeWei) throw new Reverted('OverBalance')
    const isNewer = cumulativeWei > held.authorised
    if (isNewer) {
      const signed = digest(Voucher, { payer: account, cumulativeWei }, this.#options.vouchers)
      const recover = this.#options.recover ?? recoverAddress
      if (recover(signed, signature) !== payer) throw new Reverted('BadVoucher')
    }
    const authorised = isNewer ? cumulativeWei : held.authorised
    if (held.redeemed + feeWei > authorised) throw new Reverted('OverVoucher')
  }

  redeem({ payer, feeWei, cumulativeWei }: SignedCharge): void {
    const held = this.#held.get(payer as Address)!
    if (cumulativeWei > held.authorised) held.authorised = cumulativeWei
    held.balance -= feeWei
    held.redeemed += feeWei
    this.#log({
      kind: 'redeemed',
      payer: payer as Address,
      redeemedWei: held.redeemed,
      authorisedWei: held.authorised,
    })
  }

  giveBack({ payer, feeWei }: SignedCharge): void {
    const held = this.#held.get(payer as Address)!
    held.balance += feeWei
    held.redeemed -= feeWei
    this.#tell(payer as Address)
  }

  #tell(payer: Address): void {
    const { balance, redeemed, authorised } = this.#held.get(payer)!
    const amounts = {
      balanceWei: balance,
      leavingWei: 0n,
      redeemedWei: redeemed,
      authorisedWei: authorised,
    }
    this.#log({ kind: 'escrowed', payer, ...amounts })
  }
}
