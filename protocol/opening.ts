/**
 * What a validator saw when it ran a claim, told when all have voted: it opens the seal on its vote. The transcript is a hash
 * of bits that only a run of the model gives, equal for all who ran it, so those who voted without looking stand alone.
 */
import { type Address, address, bytes32, uint64 } from './fields.ts'
import { fromHex, type Hash, keccakHash, utf8 } from './hash.ts'
import { struct, type ValueOf } from './struct.ts'

export const Opening = struct('Opening', {
  jobId: bytes32,
  claim: bytes32,
  validator: address,
  transcript: bytes32,
  issuedAtMs: uint64,
})
export type Opening = ValueOf<typeof Opening>

/** What stands on a vote in the transcript's place until it is opened: of no use to another validator. */
export function transcriptSeal(claim: Hash, transcript: Hash, validator: Address): Hash {
  return keccakHash(utf8('transcript'), fromHex(claim), fromHex(transcript), fromHex(validator))
}
