/** What the chain says is false about a batch that was taken back; `contracts/src/types/Fault.sol` repeats it. */
import type { Hash } from './hash.ts'

/** What whoever endorsed the batch could see: a job that is settled twice, or data that nobody shows. */
export const PLAIN_FAULT = 1n

/** A false claim, by the first 96 bits of its digest. */
export function faultOfClaim(claim: Hash): bigint {
  return BigInt(claim.slice(0, 2 + FAULT_DIGITS))
}

const FAULT_DIGITS = 96 / 4
