/** A batch: accepted claims under one root, with the payouts that follow from them. The header is what the L2 stores. */
import { address, bytes32, cid, flag, list, text, uint32, uint64, wei } from './fields.ts'
import { type Hash, keccakHash, toHex, word } from './hash.ts'
import { AUDITORS, MAX_BATCH_RECEIPTS } from './params.ts'
import { hashStruct, struct, type ValueOf } from './struct.ts'

/** UTF-16 units of a reference into an availability layer: an EigenDA certificate is some hundred bytes. */
export const MAX_AVAILABILITY = 4096

export const BatchHeader = struct('BatchHeader', {
  /** Counts from 1 without a gap. */
  number: uint64,
  /** The epoch whose parameters judge the batch. */
  epoch: uint64,
  /** The validator that proposed it, whose bond stands for it. */
  proposer: address,
  receiptsRoot: bytes32,
  receiptCount: uint32,
  /** Sum of the receipts' fees. */
  feeWei: wei,
  /** `chargesHash` of who pays how much; the zero hash where the batch leaves its fees open. */
  charges: bytes32,
  /** What is taken from the payers' escrow with this batch: all open fees and its own, or nothing. */
  collectedWei: wei,
  /** Fees that are open after this batch. */
  openWei: wei,
  /** Merkle-sum root over everyone's cumulative payout after this batch; it carries their sum. */
  payoutRoot: bytes32,
  /** The attribution threshold that the batch was worked out with, in thousandths of a deviation of noise. */
  strictness: uint32,
  /** Answers so far in the epoch whose contributors were weighed, */
  answers: uint32,
  /** and contributors paid for them, each counted once an answer. */
  payees: uint32,
  /** Content id of the batch's data. */
  data: cid,
  /** Where the data lies besides; empty where the content id is enough. */
  availability: text(MAX_AVAILABILITY),
})
export type BatchHeader = ValueOf<typeof BatchHeader>

/** `hashStruct` of a header: what endorsements are about. It is asked for again and again, so it is kept with the header. */
export function headerHash(header: BatchHeader): Hash {
  const held = HASHES.get(header)
  if (held) return held
  const hash = toHex(hashStruct(BatchHeader, header)) as Hash
  HASHES.set(header, hash)
  return hash
}

const HASHES = new WeakMap<BatchHeader, Hash>()

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
  /** The epoch in which it is made. */
  epoch: uint64,
  /** True where the batch shall collect what is open. */
  collects: flag,
  availability: text(MAX_AVAILABILITY),
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

/** Hash of the charges, ascending by payer: a word each, payer over 96 bits of fee. */
export function chargesHash(charges: readonly Charge[]): Hash {
  return keccakHash(...charges.map(({ payer, feeWei }) => word((BigInt(payer) << 96n) | feeWei)))
}
