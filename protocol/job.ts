/** A job: a signed order. It names everything by content id, and brings the voucher that pays for it. */
import {
  address,
  bytes32,
  cid,
  list,
  oneOf,
  optionalCid,
  signature,
  text,
  uint32,
  uint64,
  wei,
} from './fields.ts'
import { TASKS } from './receipt.ts'
import { struct, type ValueOf } from './struct.ts'

/** How two runs are compared: set by the job, never by the worker. */
const PRECISIONS = ['cpu-exact'] as const

export const Job = struct('Job', {
  requester: address,
  task: oneOf(TASKS),
  /** The base model's manifest. */
  model: cid,
  /** The adapter to answer with, none for the bare base model; of a fine-tune the one whose run it goes on with. */
  adapter: optionalCid,
  /** A prompt (`answer.ts`) or a fine-tune spec (`tuning.ts`). */
  input: cid,
  precision: oneOf(PRECISIONS),
  /** A unit is one token generated, or one token trained on once. */
  maxUnits: uint32,
  unitWei: wei,
  /** The voucher's cumulative amount, and the requester's signature under it. */
  voucherWei: wei,
  voucherSignature: signature,
  /** A block that was not mined when the job was signed: its hash seeds what nobody may choose. */
  seedBlock: uint64,
  /** Multiaddresses of peers that hold the input. */
  providers: list(text(256), 4),
  nonce: bytes32,
  issuedAtMs: uint64,
  deadlineMs: uint64,
})
export type Job = ValueOf<typeof Job>

/** The most that the job can cost. */
export function maxFeeWei(job: Pick<Job, 'maxUnits' | 'unitWei'>): bigint {
  return BigInt(job.maxUnits) * job.unitWei
}
