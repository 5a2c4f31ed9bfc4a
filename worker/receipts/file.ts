/**
 * A receipt as a file: one CAR (content-addressable archive) whose root is this document and whose other blocks are all
 * that the receipt speaks of: answer, adapter, index rows, datanet, tokenizer. Whoever has the file needs nobody else.
 */
import { z } from 'zod'
import { BatchHeader } from '../../protocol/batch.ts'
import { type DocumentValue, document } from '../../protocol/document.ts'
import { address, bytes, bytes32, signature } from '../../protocol/fields.ts'
import { AUDITORS, MAX_ENVELOPE_BYTES } from '../../protocol/params.ts'
import { Receipt } from '../../protocol/receipt.ts'

const index = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32)
const bps = z.number().int().min(0).max(10_000)
const envelope = bytes.refine((held) => held.length <= MAX_ENVELOPE_BYTES, 'an envelope')

export const ReceiptFile = document(
  'receipt file',
  1024 * 1024,
  z.strictObject({
    chainId: index,
    /** The contract that holds the batch, and under whose name its messages are signed. */
    resultLedger: address,
    feeEscrow: address,
    receipt: Receipt.schema,
    header: BatchHeader.schema,
    txHash: bytes32,
    /** How fees were split in the job's epoch, in basis points; what is missing went to the treasury. */
    split: z.strictObject({
      worker: bps,
      validators: bps,
      modelOwner: bps,
      contributors: bps,
      stakers: bps,
    }),
    /** Place and proof of the receipt under the header's root. */
    index,
    siblings: z.array(bytes32).max(64),
    endorsements: z.array(z.strictObject({ validator: address, signature })).max(1024),
    /** The signed messages, as they went over the network. */
    job: envelope,
    claim: envelope,
    votes: z.array(envelope).max(AUDITORS * 16),
    openings: z.array(envelope).max(AUDITORS * 16),
  }),
)
export type ReceiptFile = DocumentValue<typeof ReceiptFile>
