/** The receipt of one settled job: the leaf of a batch, one for all roles, checkable offline. */
import { address, bytes32, cid, list, oneOf, optionalCid, uint32, wei } from './fields.ts'
import { hashStruct, struct, type ValueOf } from './struct.ts'

export const TASKS = ['inference', 'fine-tune'] as const
export type Task = (typeof TASKS)[number]

/** More auditors than any committee has. */
export const MAX_AUDITORS = 64

export const Receipt = struct('Receipt', {
  jobId: bytes32,
  task: oneOf(TASKS),
  requester: address,
  worker: address,
  claim: bytes32,
  /** Validators whose vote on the claim was a pass, ascending. */
  passedBy: list(address, MAX_AUDITORS),
  /** Validators whose vote was a fail, ascending. */
  failedBy: list(address, MAX_AUDITORS),
  model: cid,
  adapter: optionalCid,
  output: cid,
  attribution: bytes32,
  units: uint32,
  feeWei: wei,
  workerWei: wei,
  validatorsWei: wei,
  modelOwnerWei: wei,
  contributorsWei: wei,
  stakersWei: wei,
  treasuryWei: wei,
})
export type Receipt = ValueOf<typeof Receipt>

/** What stands in the batch's tree: `hashStruct(receipt)`. */
export function receiptLeaf(receipt: Receipt): Uint8Array {
  return hashStruct(Receipt, receipt)
}
