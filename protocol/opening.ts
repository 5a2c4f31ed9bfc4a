/**
 * What a validator saw when it ran a claim, told when all have voted: it opens the seal on its vote. Of an answer the
 * transcript is a hash of bits that only a run of the model gives, equal for all who ran it, so those who voted without
 * looking stand alone. Of a fine-tune, of which each repeats another segment, it is that segment's witness, and the claim
 * itself shows that it is right (`witness.ts`).
 */
import { type Address, address, bytes32, list, uint32, uint64 } from './fields.ts'
import { fromHex, type Hash, keccakHash, utf8, ZERO_HASH } from './hash.ts'
import { struct, type ValueOf } from './struct.ts'
import { type SealPlace, WITNESS_LEVELS } from './witness.ts'

export const Opening = struct('Opening', {
  jobId: bytes32,
  claim: bytes32,
  validator: address,
  transcript: bytes32,
  /** Where the witness's seal stands under the claim's commitment; `NOWHERE` for an answer. */
  state: bytes32,
  path: uint32,
  siblings: list(bytes32, WITNESS_LEVELS),
  issuedAtMs: uint64,
})
export type Opening = ValueOf<typeof Opening>

/** What running a claim showed. */
export interface Seen {
  readonly transcript: Hash
  readonly place: SealPlace
  /**
   * True where whoever else has run it must have seen the same bits, so that other ones accuse: of an answer, where model and
   * machine are exact. Of a fine-tune each sees another segment.
   */
  readonly isSure: boolean
}

export const NOWHERE: SealPlace = { state: ZERO_HASH, path: 0, siblings: [] }
/** What is told of a claim that did not pass. */
export const NOTHING_SEEN: Seen = { transcript: ZERO_HASH, place: NOWHERE, isSure: false }

/** What stands on a vote in the transcript's place until it is opened: of no use to another validator. */
export function transcriptSeal(claim: Hash, transcript: Hash, validator: Address): Hash {
  return keccakHash(utf8('transcript'), fromHex(claim), fromHex(transcript), fromHex(validator))
}
