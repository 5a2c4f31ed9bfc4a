/** The data behind a batch header: receipts and payouts, content-addressed so that anyone can check the roots. */
import { z } from 'zod'
import { type BatchHeader, type Charge, chargesHash } from './batch.ts'
import { type DocumentValue, document } from './document.ts'
import { type Address, address, bytes32, cid, uint64, wei } from './fields.ts'
import { merkleRoot, sumRoot } from './merkle.ts'
import { MAX_BATCH_RECEIPTS } from './params.ts'
import { Receipt, receiptLeaf } from './receipt.ts'

/** Accounts that were ever paid; at about 70 bytes each they fit a block of 1 MiB. */
const MAX_PAYOUTS = 12_000
/** Adapters with money that no contributor has cleared the floor for yet. */
const MAX_CARRIES = 1000

export const BatchData = document(
  'batch data',
  1024 * 1024,
  z.strictObject({
    number: uint64,
    previous: bytes32,
    receipts: z.array(Receipt.schema).max(MAX_BATCH_RECEIPTS),
    /** Ascending by account. */
    payouts: z.array(z.strictObject({ account: address, cumulativeWei: wei })).max(MAX_PAYOUTS),
    /** Ascending by adapter: rolled into that adapter's next pool. */
    carries: z.array(z.strictObject({ adapter: cid, wei })).max(MAX_CARRIES),
  }),
)
export type BatchData = DocumentValue<typeof BatchData>

/** The header that this data has: what a validator signs, and what it compares a stranger's header with. */
export function headerOf(data: BatchData): BatchHeader {
  const payouts = sumRoot(data.payouts)
  return {
    number: data.number,
    receiptsRoot: merkleRoot(data.receipts.map(receiptLeaf)),
    receiptCount: data.receipts.length,
    feeWei: data.receipts.reduce((sum, { feeWei }) => sum + feeWei, 0n),
    charges: chargesHash(chargesOf(data.receipts)),
    payoutRoot: payouts.hash,
    payoutCount: data.payouts.length,
    payoutWei: payouts.sumWei,
    data: BatchData.encode(data).cid,
  }
}

/** What each payer owes for these receipts, ascending by payer. */
export function chargesOf(receipts: readonly Receipt[]): Charge[] {
  const owed = new Map<Address, bigint>()
  for (const { requester, feeWei } of receipts) {
    owed.set(requester, (owed.get(requester) ?? 0n) + feeWei)
  }
  return [...owed]
    .map(([payer, feeWei]) => ({ payer, feeWei }))
    .sort((a, b) => (a.payer < b.payer ? -1 : 1))
}
