/** A worker's word that it will not do a job: its turn passes on at once, and whoever asks hears why. */
import { address, bytes32, oneOf, uint64 } from './fields.ts'
import { struct, type ValueOf } from './struct.ts'

export const REFUSALS = [
  /** The job pays less for a unit than this worker asks. */
  'price',
  /** Its payer's escrow or vouchers do not cover all the jobs that it has ordered. */
  'unpaid',
  /** It has as many jobs in hand as it takes. */
  'busy',
  /** It does not know the model's family, or cannot run it. */
  'model',
  /** The job needs more memory than it has. */
  'memory',
  /** It cannot be done as it is ordered, by whomever. */
  'order',
  /** At its speed it would not be done before the turn is over. */
  'slow',
] as const
export type RefusalReason = (typeof REFUSALS)[number]

export const Refusal = struct('Refusal', {
  jobId: bytes32,
  worker: address,
  reason: oneOf(REFUSALS),
  issuedAtMs: uint64,
})
export type Refusal = ValueOf<typeof Refusal>
