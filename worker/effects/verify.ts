/** `verify` and `read`: run a claim again, as jurors do too, and say what was found; read the attribution that settlement needs. */
import type { Duty } from '../../coordinator-free/events.ts'
import { Answer } from '../../protocol/answer.ts'
import type { Claim } from '../../protocol/claim.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import type { Address } from '../../protocol/fields.ts'
import { fromHex, type Hash, keccak } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { type Beacon, Beginnings } from '../beacon/beacon.ts'
import type { BlockHash } from '../chain/mined-blocks.ts'
import type { Performer } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { checkAnswer } from './check-answer.ts'
import { checkTune } from './check-tune.ts'
import { committed, type Finding, fail, isContentFault } from './finding.ts'
import type { Knowledge } from './knowledge.ts'

export interface VerifyOptions {
  readonly self: Address
  readonly knowledge: Knowledge
  readonly content: ContentStore
  readonly log: Logger
  readonly blockHash: BlockHash
}

/** After so many tries in which nobody delivered the output or what it names, it counts as withheld. */
const MISSING_AFTER = 3

export interface Work {
  readonly job: Job
  readonly claim: Claim
  readonly claimId: Hash
  /** What nobody knew when the claim was made: it chooses what is checked, */
  readonly beacon: Hash
  /** another part for each auditor; this node's own where none is named. */
  readonly auditor?: Address
}

/** Runs a claim again. */
export type Check = (work: Work, signal: AbortSignal) => Promise<Finding>

/** The check that votes and juries have in common. */
export function checking(options: VerifyOptions): Check {
  const { log } = options
  const missed = new Map<Hash, number>()
  return async ({ job, claim, claimId, beacon, auditor = options.self }, signal) => {
    const startedAtMs = Date.now()
    const drawn = keccak(fromHex(beacon), fromHex(claimId), fromHex(auditor))
    const missing = (error: unknown): Finding => {
      if (!isWithheld(error)) throw error
      const misses = (missed.get(claimId) ?? 0) + 1
      missed.set(claimId, misses)
      if (misses < MISSING_AFTER) throw error
      return fail('output-missing')
    }
    const found = await judge(options, job, claim, drawn, signal).catch(missing)
    missed.delete(claimId)
    log.info({ claimId, ...found, tookMs: Date.now() - startedAtMs }, 'claim checked')
    return found
  }
}

export function performVerify(check: Check, beacon: Beacon): Performer<'verify'> {
  const beginnings = new Beginnings()
  return async (duty, signal) => {
    const { beaconBlock, beacon: hash } = duty
    // Whoever looks again goes by the block that its vote names.
    const anchor = hash ? beginnings.of(duty.duty, beaconBlock, hash) : { block: beaconBlock }
    const { randomness, block = beaconBlock } = await beacon.of(anchor, signal)
    const again = await repeatFailed(check, beacon, duty, signal)
    const found = again ?? (await check({ ...duty, beacon: randomness }, signal))
    beginnings.forget(duty.duty)
    return { kind: 'verified', claim: duty.claimId, ...found, beaconBlock: block }
  }
}

/** Whoever names a block of which nothing follows does not keep others from looking elsewhere. */
const DRAW_WAIT_MS = 30_000

/** Repeats the audit of another that failed; `undefined` where there is none, or nothing follows from what it names. */
async function repeatFailed(
  check: Check,
  beacon: Beacon,
  duty: Extract<Duty, { kind: 'verify' }>,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  if (!duty.failed) return undefined
  const { validator, beaconBlock } = duty.failed
  const either = AbortSignal.any([signal, AbortSignal.timeout(DRAW_WAIT_MS)])
  const draw = await beacon.of({ block: beaconBlock }, either).catch(() => undefined)
  signal.throwIfAborted()
  return draw && check({ ...duty, beacon: draw.randomness, auditor: validator }, signal)
}

async function judge(
  { knowledge, content, log, blockHash }: VerifyOptions,
  job: Job,
  claim: Claim,
  beacon: Uint8Array,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    // The worker may have kept its output to itself; whoever has it is asked before anything is judged.
    await committed(content.bytes(claim.output, { signal }), signal)
    if (job.task === 'inference') return await checkAnswer(knowledge, content, job, claim, signal)
    const seed = await blockHash(job.seedBlock, signal)
    return await checkTune(knowledge, content, job, claim, { signal, seed, beacon })
  } catch (error) {
    if (!isContentFault(error)) throw error
    log.debug({ jobId: claim.jobId, error }, 'claim cannot be read')
    return fail('output-malformed')
  }
}

function isWithheld(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'withheld'
}

/** The shares that an accepted answer brings to settlement, as its claim committed to them. */
export function performRead(content: ContentStore): Performer<'read'> {
  return async ({ claim, claimId }, signal) => {
    const answer = await content.get(Answer, claim.output, { signal })
    if (attributionRoot(answer) !== claim.attribution) {
      throw new StorageError('lies', `The answer of claim ${claimId} has another attribution.`)
    }
    return { kind: 'read', claim: claimId, attribution: answer.attribution }
  }
}
