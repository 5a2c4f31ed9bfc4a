/** A sign of life from the worker of a job, with its progress. */
import { address, bytes32, optionalCid, uint32, uint64 } from './fields.ts'
import { struct, type ValueOf } from './struct.ts'

export const Beat = struct('Beat', {
  jobId: bytes32,
  worker: address,
  /** Examples or tokens done, of so many. */
  done: uint32,
  total: uint32,
  /** Training loss in millionths of a nat; 0 where there is none. */
  lossMicro: uint32,
  /** How far its fine-tune has come (`progress.ts`), for whoever takes over; nothing where nothing is stored yet. */
  state: optionalCid,
  issuedAtMs: uint64,
})
export type Beat = ValueOf<typeof Beat>
