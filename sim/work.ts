/**
 * Fake models: what a worker would hand in and a validator would find, without a model. An output is a hash of the job;
 * a liar's is another one, and telling them apart takes the time that verification takes.
 */
import type { Result } from '../coordinator-free/events.ts'
import type { Attribution, PartsOf } from '../protocol/attribution.ts'
import type { Claim } from '../protocol/claim.ts'
import { blockOf } from '../protocol/document.ts'
import { attributionRoot } from '../protocol/evidence.ts'
import { splitFee, splitOf } from '../protocol/fee.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import {
  fromHex,
  type Hash,
  keccak,
  keccakHash,
  toHex,
  utf8,
  word,
  ZERO_HASH,
} from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import { verdictOnPasses } from '../protocol/jury.ts'
import { NOWHERE, type Seen } from '../protocol/opening.ts'
import { INITIAL_VALUES } from '../protocol/parameters.ts'
import { random } from '../protocol/prng.ts'
import type { Receipt } from '../protocol/receipt.ts'
import type { Verdict } from '../protocol/vote.ts'
import { type Boundaries, boundariesRoot, sealPlace, witnessSeal } from '../protocol/witness.ts'
import { SEGMENTS } from './fine-tunes.ts'

/** Of a made-up job: how long the fastest worker takes. */
const WORK_MS = { inference: 400, 'fine-tune': 9000 } as const
/** Of a recorded one, by unit: as long as a made-up answer of 64 tokens, and as long as the demo's fine-tune on two cores. */
const UNIT_MS = { inference: 400 / 64, 'fine-tune': 0.3 } as const
/** Part of the work that an audit takes. */
export const CHECK_SHARE = 1 / 4
/** What a juror takes. */
export const HEAR_MS = 400

/** Half a check's time must be whole. */
const STEP_MS = 8

export function workMs({ task, maxUnits }: Job, bySize: boolean): number {
  return bySize ? STEP_MS * Math.ceil((UNIT_MS[task] * maxUnits) / STEP_MS) : WORK_MS[task]
}

/** What a worker brings back for a job; a liar's output differs from the honest one. */
export function resultOf(jobId: Hash, job: Job, lie: boolean): Result {
  const results = lie ? LIES : TRUTHS
  const held = results.get(job)
  if (held) return held
  const result = workOut(jobId, job, lie)
  results.set(job, result)
  return result
}

/** Results by job: whoever audits a claim asks for them again. */
const TRUTHS = new WeakMap<Job, Result>()
const LIES = new WeakMap<Job, Result>()

function workOut(jobId: Hash, job: Job, lie: boolean): Result {
  const output = outputOf(jobId, lie)
  return {
    output,
    commitment:
      job.task === 'fine-tune' ? boundariesRoot(runOf(jobId, lie)) : keccakHash(utf8(output)),
    attribution: attributionRoot({
      attribution: attributionOf(jobId),
      query: new Uint8Array(),
      tokens: [],
      spans: [],
    }),
    units: 1 + (Number.parseInt(jobId.slice(2, 8), 16) % job.maxUnits),
    graph: keccakHash(utf8('graph')),
  }
}

export function outputOf(jobId: Hash, lie: boolean): Cid {
  return blockOf(keccak(fromHex(jobId), utf8(lie ? 'lie' : 'truth'))).cid
}

/** What an honest look at a claim finds: whether it is what an honest worker would have handed in. */
export function truthOf({ job, claim }: { readonly job: Job; readonly claim: Claim }): Verdict {
  const { output, units, graph } = resultOf(claim.jobId, job, false)
  const isHonest = output === claim.output && units === claim.units && graph === claim.graph
  return isHonest ? 'pass' : 'fail'
}

/** What an honest juror says: of the claim, or where they are accused of those who opened a transcript for it. */
export function heardOf(heard: {
  readonly job: Job
  readonly claim: Claim
  readonly claimId: Hash
  readonly transcript: Hash
}): Verdict {
  const verdict = truthOf(heard)
  if (heard.transcript === ZERO_HASH) return verdict
  const seen = { transcript: transcriptOf(heard.claimId), place: NOWHERE, isSure: true }
  return verdictOnPasses({ verdict, seen }, heard.transcript)
}

/** What all see who run an answer. */
function transcriptOf(claimId: Hash): Hash {
  return keccakHash(utf8('transcript'), fromHex(claimId))
}

/** True of a lie that shows by itself, so that the chain can work it out: of half of the answers with an adapter. */
export function isPlainlyFalse({ jobId, adapter, output }: Receipt): boolean {
  const isHalf = Number.parseInt(jobId.slice(-1), 16) % 2 === 0
  return isHalf && adapter !== '' && output === outputOf(jobId, true)
}

/** What a worker is paid for a job, in wei. */
export function workerPayWei(jobId: Hash, job: Job): bigint {
  const { units } = resultOf(jobId, job, false)
  return splitFee(BigInt(units) * job.unitWei, splitOf(job.task, INITIAL_VALUES)).workerWei
}

/** A look at a claim: whose, and by which block's choice. */
export interface Look {
  readonly job: Job
  readonly claim: Claim
  readonly claimId: Hash
  readonly validator: Address
  readonly beaconBlock: number
}

/** What whoever has run a claim has seen, or what those make up who have not: they do it by one recipe, so it agrees. */
export function seenOf(look: Look, isGuess: boolean): Seen {
  const { job, claim, claimId, validator, beaconBlock } = look
  const guess = keccakHash(utf8('guess'), fromHex(claimId))
  if (job.task === 'inference') {
    const transcript = isGuess ? guess : transcriptOf(claimId)
    return { transcript, place: NOWHERE, isSure: true }
  }
  // Where a seal stands is published, whoever looks.
  const lie = claim.commitment !== resultOf(claim.jobId, job, false).commitment
  const draw = keccak(fromHex(claimId), fromHex(validator), word(beaconBlock))
  const segment = draw[0]! % SEGMENTS
  const transcript = isGuess ? guess : witnessIn(claim.jobId, lie, segment)
  return { transcript, place: sealPlace(runOf(claim.jobId, lie), segment), isSure: false }
}

function runOf(jobId: Hash, lie: boolean): Boundaries {
  const segments = Array.from({ length: SEGMENTS }, (_, segment) => segment)
  const stateOf = (boundary: number): Hash =>
    keccakHash(utf8(`state ${boundary}`), fromHex(jobId), utf8(lie ? 'lie' : 'truth'))
  return {
    states: [...segments, SEGMENTS].map(stateOf),
    seals: segments.map((segment) => witnessSeal(witnessIn(jobId, lie, segment))),
  }
}

function witnessIn(jobId: Hash, lie: boolean, segment: number): Hash {
  return keccakHash(utf8(`witness ${segment}`), fromHex(jobId), utf8(lie ? 'lie' : 'truth'))
}

const CONTRIBUTORS = Array.from(
  { length: 6 },
  (_, index) => toHex(keccak(utf8(`contributor ${index}`)).subarray(12)) as Address,
)

/** Shares of an answer: some data helped, some harmed, and six decoys say how much is noise. */
export function attributionOf(jobId: Hash): Attribution {
  const dice = random(fromHex(jobId), 'attribution')
  const shares = CONTRIBUTORS.map((contributor) => ({
    contributor,
    rows: 1 + dice.below(40),
    parts: [dice.below(2_000_000) - 700_000, 0, 0, 0] as PartsOf<number>,
  })).sort((a, b) => (a.contributor < b.contributor ? -1 : 1))
  return { shares, decoys: 6, decoySquares: (6n * BigInt(dice.below(10_000)) ** 2n).toString() }
}
