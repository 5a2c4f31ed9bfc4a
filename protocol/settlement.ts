/** The data behind a batch header: receipts and payouts, content-addressed so that anyone can check the roots. */
import { z } from 'zod'
import { type BatchHeader, chargesHash } from './batch.ts'
import { type Block, type DocumentValue, document } from './document.ts'
import { address, bytes32, cid, signature, uint32, uint64, wei } from './fields.ts'
import { ZERO_HASH } from './hash.ts'
import { held } from './held.ts'
import { merkleRoot } from './merkle.ts'
import { MAX_BATCH_RECEIPTS } from './params.ts'
import { areInOrder, blockOfPage, MAX_PAGES, type PayoutPage, payoutRoot } from './payouts.ts'
import { Receipt, receiptLeaf } from './receipt.ts'

/** Adapters with money that no contributor has cleared the floor for yet. */
export const MAX_CARRIES = 1000
/** Payers with open fees; a batch that would have more collects. */
export const MAX_CHARGES = 1000

/** The data as it lies in a block, its payouts in blocks of their own. */
export const BatchDocument = document(
  'batch data',
  1024 * 1024,
  z.strictObject({
    number: uint64,
    previous: bytes32,
    receipts: z.array(Receipt.schema).max(MAX_BATCH_RECEIPTS),
    /** Content ids of the pages of `payouts.ts`, in their order. */
    pages: z.array(cid).max(MAX_PAGES),
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
export type BatchDocument = DocumentValue<typeof BatchDocument>

/** The data with its pages in hand: what everybody may have claimed in all after this batch. */
export interface BatchData extends Omit<BatchDocument, 'pages'> {
  readonly pages: readonly PayoutPage[]
}

/** A document and its pages as one; `undefined` where these do not follow one another. */
export function batchOf(
  document: BatchDocument,
  pages: readonly PayoutPage[],
): BatchData | undefined {
  return areInOrder(pages) ? { ...document, pages } : undefined
}

/** What of the data lies in its own block. */
export function documentOf(data: BatchData): BatchDocument {
  return { ...data, pages: data.pages.map((page) => blockOfPage(page).cid) }
}

/** The block in which the data lies. It is asked for wherever the data goes, so it is kept with it. */
export function blockOfBatch(data: BatchData): Block {
  return held(BLOCKS, data, () => BatchDocument.encode(documentOf(data)))
}

const BLOCKS = new WeakMap<BatchData, Block>()

/**
 * What is to be kept besides what was kept for the batch before: the data, the pages that are new, and in turn one of the
 * others, so that none is taken for something nobody asks for any more.
 */
export function blocksToKeep(data: BatchData, before: BatchData | undefined): Block[] {
  const old = new Set(before?.pages)
  const turn = data.number % Math.max(1, data.pages.length)
  const pages = data.pages.filter((page, index) => index === turn || !old.has(page))
  return [blockOfBatch(data), ...pages.map(blockOfPage)]
}

/** False of data that is too large to be handed on: then fewer claims must do. There is room for as much else as there can be. */
export function isHandy({ charges }: BatchData): boolean {
  return charges.length <= MAX_CHARGES
}

/**
 * The header that this data has: what a validator signs, and what it compares a stranger's header with.
 * @param availability Where the data lies beside its content id
 */
export function headerOf(data: BatchData, availability = ''): BatchHeader {
  const known = HEADERS.get(data)
  if (known?.availability === availability) return known
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
    payoutRoot: payoutRoot(data.pages),
    ...{ strictness, answers, payees },
    data: blockOfBatch(data).cid,
    availability,
  }
}
