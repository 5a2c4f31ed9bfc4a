/** The form of what the contracts' logs say: checked when it is read off the chain, and off anything else. */
import { z } from 'zod'
import { BatchHeader } from './batch.ts'
import { ROLES } from './chain.ts'
import { address, bytes32, cid, uint32, uint64, wei } from './fields.ts'
import { CASE_OUTCOMES, JUROR_VERDICTS } from './jury.ts'
import { PARAMETER_NAMES } from './parameters.ts'

/** More seats than governance may ask for. */
const MAX_SEATS = 64

const amountWei = z.bigint().refine((value) => z.safeEncode(wei, value).success)
/** A header has its numbers checked by the schema that checks a stranger's message. */
const header = z.custom<BatchHeader>(
  (value) => z.safeEncode(BatchHeader.schema, value as BatchHeader).success,
)

/** What each kind of log must hold. Further keys are dropped. */
export const ChainLogForm = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('staked'),
    blockNumber: uint64,
    node: address,
    owner: address,
    roles: z.array(z.enum(ROLES)),
    stakeWei: amountWei,
  }),
  z.object({ kind: z.literal('exiting'), blockNumber: uint64, node: address }),
  z.object({
    kind: z.literal('escrowed'),
    blockNumber: uint64,
    payer: address,
    balanceWei: amountWei,
    leavingWei: amountWei,
    redeemedWei: amountWei,
    authorisedWei: amountWei,
  }),
  z.object({
    kind: z.literal('redeemed'),
    blockNumber: uint64,
    payer: address,
    redeemedWei: amountWei,
    authorisedWei: amountWei,
  }),
  z.object({
    kind: z.literal('datanet-published'),
    blockNumber: uint64,
    datanetId: uint64,
    version: uint64,
    root: bytes32,
    count: uint32,
    manifest: cid,
    operator: address,
  }),
  z.object({
    kind: z.literal('model-registered'),
    blockNumber: uint64,
    adapter: cid,
    base: cid,
    owner: address,
    jobId: bytes32,
  }),
  z.object({
    kind: z.literal('batch-posted'),
    blockNumber: uint64,
    header,
    finalAtMs: uint64,
    txHash: bytes32,
  }),
  z.object({
    kind: z.literal('batch-final'),
    blockNumber: uint64,
    number: uint64,
    txHash: bytes32,
  }),
  z.object({ kind: z.literal('batch-faulted'), blockNumber: uint64, number: uint64 }),
  z.object({
    kind: z.literal('batch-voided'),
    blockNumber: uint64,
    number: uint64,
    headerHash: bytes32,
  }),
  z.object({ kind: z.literal('charges-returned'), blockNumber: uint64, headerHash: bytes32 }),
  z.object({
    kind: z.literal('claimed'),
    blockNumber: uint64,
    account: address,
    amountWei,
    txHash: bytes32,
  }),
  z.object({
    kind: z.literal('param-set'),
    blockNumber: uint64,
    param: z.enum(PARAMETER_NAMES),
    value: uint64,
    fromEpoch: uint64,
  }),
  z.object({
    kind: z.literal('demanded'),
    blockNumber: uint64,
    batch: uint64,
    index: uint32,
    asker: address,
    untilMs: uint64,
  }),
  z.object({ kind: z.literal('shown'), blockNumber: uint64, batch: uint64, index: uint32 }),
  z.object({ kind: z.literal('withheld'), blockNumber: uint64, batch: uint64, index: uint32 }),
  z.object({
    kind: z.literal('case-opened'),
    blockNumber: uint64,
    number: uint64,
    batch: uint64,
    claim: bytes32,
    transcript: bytes32,
    challenger: address,
    seedBlock: uint64,
  }),
  z.object({
    kind: z.literal('jurors-drawn'),
    blockNumber: uint64,
    number: uint64,
    jurors: z.array(address).max(MAX_SEATS),
    commitUntilMs: uint64,
    revealUntilMs: uint64,
  }),
  z.object({
    kind: z.literal('verdict-committed'),
    blockNumber: uint64,
    number: uint64,
    juror: address,
  }),
  z.object({
    kind: z.literal('verdict-revealed'),
    blockNumber: uint64,
    number: uint64,
    juror: address,
    verdict: z.enum(JUROR_VERDICTS),
  }),
  z.object({
    kind: z.literal('case-decided'),
    blockNumber: uint64,
    number: uint64,
    outcome: z.enum(CASE_OUTCOMES),
    passes: uint32,
    fails: uint32,
  }),
])
