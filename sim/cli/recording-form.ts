/** A line of a recording, checked: it may come from anybody. */
import { z } from 'zod'
import type { Event } from '../../coordinator-free/events.ts'
import { fromText } from '../../coordinator-free/exact-text.ts'
import {
  MESSAGE_FORMS,
  RECORDING,
  RECORDING_VERSION,
  type RecordedLine,
} from '../../coordinator-free/recording.ts'
import { Attribution } from '../../protocol/attribution.ts'
import { Proposal } from '../../protocol/batch.ts'
import { ROLES } from '../../protocol/chain.ts'
import { ChainLogForm } from '../../protocol/chain-log.ts'
import { Claim } from '../../protocol/claim.ts'
import {
  address,
  bytes,
  bytes32,
  cid,
  MAX_WEI,
  optionalCid,
  uint32,
  uint64,
} from '../../protocol/fields.ts'
import { Job } from '../../protocol/job.ts'
import { Opening } from '../../protocol/opening.ts'
import { PARAMETER_NAMES } from '../../protocol/parameters.ts'
import { blockOfPage, PayoutPage } from '../../protocol/payouts.ts'
import { Refusal } from '../../protocol/refusal.ts'
import { type BatchData, BatchDocument, batchOf, blockOfBatch } from '../../protocol/settlement.ts'
import { Vote } from '../../protocol/vote.ts'
import { Refusal as Refused } from './refusal.ts'

const MOST_TEXT = 4096
/** The parameters hold for at least a second, and for no more than a century. */
const MOST_EPOCH_SECONDS = 100 * 365 * 86_400

/** It is shown on terminals, so nothing in it may move the cursor. */
const text = z
  .string()
  .max(MOST_TEXT)
  .regex(/^\P{Cc}*$/u, 'text without control characters')
const amount = z.bigint().min(0n).max(MAX_WEI)
const domain = z.strictObject({ chainId: uint64, contract: address })
const { output, commitment, attribution, units, graph } = Claim.schema.shape
const { verdict, reason, checked, beaconBlock } = Vote.schema.shape
const { transcript, ...place } = Opening.schema.pick({
  ...{ transcript: true, state: true, path: true, siblings: true },
}).shape
const seen = z.strictObject({ transcript, place: z.strictObject(place), isSure: z.boolean() })

/** A value as the code has it, where a schema says what it is on the wire. */
function wired(schema: z.ZodType, what: string) {
  return z.custom((value) => value !== undefined && z.safeEncode(schema, value).success, what)
}

const batch = z.custom((value) => {
  try {
    const data = value as BatchData
    const arePages = data.pages.every((page) => PayoutPage.decode(blockOfPage(page).bytes).ok)
    const document = BatchDocument.decode(blockOfBatch(data).bytes)
    return arePages && document.ok && batchOf(document.value, data.pages) !== undefined
  } catch {
    return false
  }
}, 'data of a batch')

const head = z.strictObject({
  kind: z.literal('block'),
  number: uint64,
  hash: bytes32,
  timestampMs: uint64,
  baseFeeWei: amount.optional(),
  byteFeeWei: amount.optional(),
})

/** What each kind of event must hold. */
const EVENTS: Readonly<Record<Event['kind'], z.ZodRawShape>> = {
  submitted: { job: wired(Job.schema, 'a job') },
  received: { bytes, via: z.enum(['gossip', 'reconciliation', 'journal']) },
  chain: { fact: z.union([head, ChainLogForm]) },
  progressed: {
    jobId: bytes32,
    done: z.number(),
    total: z.number(),
    lossMicro: z.number(),
    state: optionalCid,
  },
  followed: { jobId: bytes32, state: cid },
  executed: {
    jobId: bytes32,
    result: z.strictObject({ output, commitment, attribution, units, graph }),
  },
  refused: { jobId: bytes32, reason: Refusal.schema.shape.reason },
  verified: { claim: bytes32, verdict, reason, checked, beaconBlock, seen },
  read: { claim: bytes32, attribution: Attribution },
  'batch-read': { number: uint64, data: batch },
  offered: { proposal: wired(Proposal.schema, 'a proposal') },
  accused: { slot: text },
  relented: { claim: bytes32 },
  punished: { header: bytes32 },
  retrieved: { header: bytes32 },
  heard: { number: uint64, verdict },
  withdrawn: {},
  'duty-done': { duty: text },
  'duty-failed': { duty: text },
  asked: { peer: text, have: z.array(bytes32) },
  tick: {},
}

const event = z.discriminatedUnion(
  'kind',
  Object.entries(EVENTS).map(([kind, fields]) =>
    z.strictObject({ kind: z.literal(kind), ...fields }),
  ) as unknown as readonly [z.core.$ZodTypeDiscriminable],
)

const core = z.strictObject({
  self: address,
  ...{ messages: domain, vouchers: domain, treasury: address, stakers: address },
  parameters: z
    .strictObject({
      initial: z.strictObject(Object.fromEntries(PARAMETER_NAMES.map((name) => [name, uint64]))),
      epochSeconds: z.int().min(1).max(MOST_EPOCH_SECONDS),
    })
    .optional(),
  terms: z
    .strictObject({
      leastUnitWei: z.strictObject({ inference: amount, 'fine-tune': amount }),
      maxJobs: uint32,
    })
    .optional(),
  challengeBudgetWei: amount.optional(),
})

const line = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('start'),
    format: z.literal(RECORDING),
    version: z.literal(RECORDING_VERSION),
    messageForms: z.literal(MESSAGE_FORMS),
    atMs: uint64,
    roles: z.array(z.enum(ROLES)),
    core,
  }),
  z.strictObject({ kind: z.literal('rebuilt'), atMs: uint64 }),
  z.strictObject({
    kind: z.literal('event'),
    atMs: uint64,
    event,
    did: text.optional(),
    digest: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .optional(),
    threw: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('full'), atMs: uint64 }),
])

const AGAIN =
  'replay it with the release that recorded it, or record anew (what ships: npm run sim:recordings)'

/** @throws Refusal naming the line, the field, and what is wrong with it */
export function readLine(read: string, at: string, isFirst: boolean): RecordedLine {
  let value: unknown
  try {
    value = fromText(read)
  } catch (error) {
    throw new Refused(`${at} is no line of a recording: ${(error as Error).message}`)
  }
  refuseOther(value, at, isFirst)
  const parsed = line.safeParse(value)
  if (parsed.success) return value as RecordedLine
  const [issue] = parsed.error.issues
  const field = issue!.path.join('.')
  throw new Refused(`${at}${field === '' ? '' : `, ${field}`}: ${issue!.message}`)
}

/** What begins otherwise, or was recorded by another release, is told apart from what is damaged. */
function refuseOther(value: unknown, at: string, isFirst: boolean): void {
  const { kind, format, version, messageForms } = (value ?? {}) as Record<string, unknown>
  if (kind !== 'start') {
    if (isFirst) throw new Refused(`${at} is no start of a recording; its first line is missing`)
    return
  }
  if (format !== RECORDING) throw new Refused(`${at} starts no recording of ours`)
  if (version !== RECORDING_VERSION) {
    throw new Refused(
      `${at} has form ${version}, and this release reads ${RECORDING_VERSION}; ${AGAIN}`,
    )
  }
  if (messageForms !== MESSAGE_FORMS) {
    throw new Refused(
      `${at} was recorded when messages had other forms (${messageForms}, and here ${MESSAGE_FORMS}); ${AGAIN}`,
    )
  }
}
