/** The data behind a batch header: receipts and payouts, content-addressed so that anyone can check the roots. */
import { z } from 'zod'
import { type BatchHeader, chargesHash } from './batch.ts'
import { type Block, type DocumentValue, document } from './document.ts'
import { address, bytes32, cid, signature, uint32, uint64, wei } from './fields.ts'
import { ZERO_HASH } from './hash.ts'
import { merkleRoot, sumRoot } from './merkle.ts'
import { MAX_BATCH_RECEIPTS } from './params.ts'
import { Receipt, receiptLeaf } from './receipt.ts'

/** Accounts that were ever paid; at 97 bytes each they take two thirds of a block of 1 MiB. */
export const MAX_PAYOUTS = 7000
/** So many of these places are for contributors, of whom one answer may name thousands; a stranger must not fill them all. */
export const CONTRIBUTOR_PLACES = 5500
/** Adapters with money that no contributor has cleared the floor for yet. */
export const MAX_CARRIES = 1000
/** Payers with open fees; a batch that would have more collects. */
export const MAX_CHARGES = 1000

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
    /** Ascending by payer: all fees since the last batch that collected, with the voucher that reaches furthest. */
    charges: z
      .array(
        z.strictObject({
          payer: address,
          feeWei: wei,
          cumulativeWei: wei,
          signature,
        }),
      )
      .max(MAX_CHARGES),
    /** True where this batch collects them. */
    collects: z.boolean(),
    epoch: uint64,
    /** The validator that proposed the batch. */
    proposer: address,
    /** The attribution threshold, and what moves it: see `BatchHeader`. */
    strictness: uint32,
    answers: uint32,
    payees: uint32,
  }),
)
export type BatchData = DocumentValue<typeof BatchData>

/** The block in which the data lies. It is asked for wherever the data goes, so it is kept with it. */
export function blockOfBatch(data: BatchData): Block {
  const held = BLOCKS.get(data)
  if (held) return held
  const block = BatchData.encode(data)
  BLOCKS.set(data, block)
  return block
}

const BLOCKS = new WeakMap<BatchData, Block>()

/** False of data that is too large to be handed on: then fewer claims must do. */
export function isHandy(data: BatchData): boolean {
  const { payouts, carries, charges } = data
  if (payouts.length > MAX_PAYOUTS || carries.length > MAX_CARRIES) return false
  return charges.length <= MAX_CHARGES && hasBlock(data)
}

function hasBlock(data: BatchData): boolean {
  try {
    blockOfBatch(data)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * The header that this data has: what a validator signs, and what it compares a stranger's header with.
 * @param availability Where the data lies beside its content id
 */
export function headerOf(data: BatchData, availability = ''): BatchHeader {
  const held = HEADERS.get(data)
  if (held?.availability === availability) return held
  const header = workOut(data, availability)
  HEADERS.set(data, header)
  return header
}

/** By what they were worked out from: builders, readers and jurors ask for the same again. */
const HEADERS = new WeakMap<BatchData, BatchHeader>()

function workOut(data: BatchData, availability: string): BatchHeader {
  const { number, epoch, proposer, strictness, answers, payees } = data
  const dueWei = data.charges.reduce((sum, { feeWei }) => sum + feeWei, 0n)
  return {
    number,
    epoch,
    proposer,
    receiptsRoot: merkleRoot(data.receipts.map(receiptLeaf)),
    receiptCount: data.receipts.length,
    feeWei: data.receipts.reduce((sum, { feeWei }) => sum + feeWei, 0n),
    charges: data.collects ? chargesHash(data.charges) : ZERO_HASH,
    collectedWei: data.collects ? dueWei : 0n,
    openWei: data.collects ? 0n : dueWei,
    payoutRoot: sumRoot(data.payouts),
    ...{ strictness, answers, payees },
    data: blockOfBatch(data).cid,
    availability,
  }
}
