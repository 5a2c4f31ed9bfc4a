/** What payers have been charged, owe, and may still have to pay. */
import type { ChainLog } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import type { BatchData } from '../protocol/settlement.ts'
import type { PostedBatch } from './batches.ts'
import { type Ledger, lastBatch } from './ledger.ts'

/** Fees that a batch leaves open, by payer. */
export function openAfter(data: BatchData | undefined): BatchData['charges'] {
  return data && !data.collects ? data.charges : []
}

/** Where nothing follows a batch that left its fees open, an empty one collects them once its window is over. */
export function overdueSince(before: PostedBatch | undefined): number {
  return openAfter(before?.data).length > 0 ? before!.finalAtMs : Number.POSITIVE_INFINITY
}

/** False where somebody has taken out of its escrow what a batch would collect: the contract refuses that batch. */
export function isPayable(ledger: Ledger, { collects, charges }: BatchData): boolean {
  if (!collects) return true
  return charges.every(
    ({ payer, feeWei }) => feeWei <= (ledger.escrows.get(payer)?.balanceWei ?? 0n),
  )
}

/** What a batch has collected from a payer is gone from its balance, and first from what would leave. */
export function redeem(ledger: Ledger, fact: Extract<ChainLog, { kind: 'redeemed' }>): void {
  const held = ledger.escrows.get(fact.payer)
  if (!held) return
  const { redeemedWei, authorisedWei } = fact
  const balanceWei = held.balanceWei - (redeemedWei - held.redeemedWei)
  const isShort = balanceWei < held.leavingWei
  const leavingWei = isShort ? balanceWei : held.leavingWei
  ledger.escrows.set(fact.payer, { balanceWei, leavingWei, redeemedWei, authorisedWei })
}

/** Fees of a payer that are settled and will be collected with a later batch. */
export function openWei(ledger: Ledger, payer: Address): bigint {
  return openCharge(ledger, payer)?.feeWei ?? 0n
}

/** What the newest batch has left a payer owing, with the voucher that reaches furthest. */
export function openCharge(
  ledger: Ledger,
  payer: Address,
): BatchData['charges'][number] | undefined {
  const open = openAfter(ledger.batches.get(lastBatch(ledger))?.data)
  return open.find((charge) => charge.payer === payer)
}

/** What the payer has spent or may still have to: the next voucher must go beyond it. */
export function owedWei(ledger: Ledger, payer: Address): bigint {
  let owed = (ledger.escrows.get(payer)?.redeemedWei ?? 0n) + openWei(ledger, payer)
  for (const { body } of ledger.jobs.values()) {
    if (body.requester === payer) owed += BigInt(body.maxUnits) * body.unitWei
  }
  return owed
}
