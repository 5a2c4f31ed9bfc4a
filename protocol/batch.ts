/** A batch: accepted claims under one root, with the payouts that follow from them. The header is what the L2 stores. */
import { address, bytes32, cid, list, uint32, uint64, wei } from './fields.ts'
import { type Hash, keccakHash, word } from './hash.ts'
import { AUDITORS, MAX_BATCH_RECEIPTS } from './params.ts'
import { struct, type ValueOf } from './struct.ts'

export const BatchHeader = struct('BatchHeader', {
  /** Counts from 1 without a gap. */
  number: uint64,
  receiptsRoot: bytes32,
  receiptCount: uint32,
  /** Sum of the receipts' fees, taken from the payers' escrow when the batch is posted. */
  feeWei: wei,
  /** `chargesHash` of who pays how much of it. */
  charges: bytes32,
  /** Merkle-sum root over everyone's cumulative payout after this batch. */
  payoutRoot: bytes32,
  payoutCount: uint32,
  /** The sum in that root: never more than all fees so far. */
  payoutWei: wei,
  /** Content id of the batch's receipts and payouts. */
  data: cid,
})
export type BatchHeader = ValueOf<typeof BatchHeader>

/** A validator's signature under a batch. It says "this follows from what I checked", so endorsing two roots is no fault. */
export const Endorsement = struct('Endorsement', {
  validator: address,
  /** `hashStruct(BatchHeader)`. */
  header: bytes32,
})
export type Endorsement = ValueOf<typeof Endorsement>

/**
 * "Let these claims, judged by these votes, be the next batch." Everything else in the header follows from them and
 * from the batch before, so every validator computes it for itself.
 */
export const Proposal = struct('Proposal', {
  proposer: address,
  number: uint64,
  /** `hashStruct` of the header before; the zero hash for the first batch. */
  previous: bytes32,
  /** Digests of the accepted claims, ascending. */
  claims: list(bytes32, MAX_BATCH_RECEIPTS),
  /** Digests of the votes that count, ascending. */
  votes: list(bytes32, MAX_BATCH_RECEIPTS * AUDITORS),
  issuedAtMs: uint64,
})
export type Proposal = ValueOf<typeof Proposal>

/** What one payer owes for a batch. */
export interface Charge {
  readonly payer: `0x${string}`
  readonly feeWei: bigint
}

/** Hash of the charges, ascending by payer: two words each. */
export function chargesHash(charges: readonly Charge[]): Hash {
  return keccakHash(...charges.flatMap(({ payer, feeWei }) => [word(BigInt(payer)), word(feeWei)]))
}
