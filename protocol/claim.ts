/** A worker's signed result. It commits to the output, to how it came about, and to whose data shaped it. */
import { address, bytes32, cid, uint32, uint64 } from './fields.ts'
import { struct, type ValueOf } from './struct.ts'

export const Claim = struct('Claim', {
  jobId: bytes32,
  worker: address,
  /** An answer (`answer.ts`) or an adapter (`adapter.ts`). */
  output: cid,
  /** Merkle root: sketches of hidden states for an answer; for a fine-tune the states between segments, with seals of witnesses. */
  commitment: bytes32,
  /** Merkle root: shares of an answer by contributor, rows of the gradient index for a fine-tune. */
  attribution: bytes32,
  units: uint32,
  /** Hash of the graphs that ran. */
  graph: bytes32,
  issuedAtMs: uint64,
})
export type Claim = ValueOf<typeof Claim>
