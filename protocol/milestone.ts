/** What validators sign for long jobs: that a milestone was reached, and who goes on with the work. */
import { type Address, address, bytes32, uint32 } from './fields.ts'
import { fromHex, type Hash, keccakHash, word } from './hash.ts'
import { struct, type ValueOf } from './struct.ts'

/** "The worker has shown this commitment to its state at that milestone." Its requester may sign the same. */
export const Milestone = struct('Milestone', {
  jobId: bytes32,
  /** Counts from 0. */
  index: uint32,
  commitment: bytes32,
})
export type Milestone = ValueOf<typeof Milestone>

/** "That account is paid for the milestones that are left." */
export const Takeover = struct('Takeover', {
  jobId: bytes32,
  /** How often the order was taken over before: each approval counts once. */
  round: uint32,
  payee: address,
})
export type Takeover = ValueOf<typeof Takeover>

/** The order of a requester for a job, as `JobEscrow` numbers it. */
export function orderIdOf(requester: Address, jobId: Hash): Hash {
  return keccakHash(word(BigInt(requester)), fromHex(jobId))
}
