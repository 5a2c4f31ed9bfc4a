/**
 * All that falls to this node now. A pure function of the ledger and the time; nothing here remembers what was ordered.
 * `desk.ts` works out the same from the same parts, but only those of which something has changed.
 */
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import type { Message } from '../protocol/message.ts'
import { MAX_JOB_LIFETIME_MS, TURN_MS } from '../protocol/params.ts'
import type { Task } from '../protocol/receipt.ts'
import type { RefusalReason } from '../protocol/refusal.ts'
import type { Verdict } from '../protocol/vote.ts'
import { acceptedClaim, turnOf } from './assignment.ts'
import { failedBefore, isSplit, seated } from './committee.ts'
import { type Drafted, endorsementsDue } from './endorsing.ts'
import type { Duty, FailedAudit } from './events.ts'
import { hasCome, isOver } from './horizon.ts'
import { judgingDue } from './judging.ts'
import { type Fact, type Ledger, lastBatch } from './ledger.ts'
import { mayOpen } from './openings.ts'
import type { PayoutRules } from './payout.ts'
import { offerOf, proposalDue } from './proposals.ts'
import { isCovered } from './purse.ts'
import { registrationsDue } from './registrations.ts'
import { repairsDue } from './repairs.ts'
import {
  finaliseDue,
  needsAttribution,
  postDue,
  type Ready,
  readyOf,
  settleable,
} from './settlement.ts'
import { type Lot, spotChecksDue } from './spot-checks.ts'
import { followDue, statesOf } from './takeover.ts'
import { turnPlace } from './turns.ts'

/** What this node has worked out so far. */
export interface Workings extends Drafted {
  /** Settled claims that it was drawn to check. */
  readonly lots: ReadonlyMap<Hash, Lot>
  /** States of others' work that this node holds, by job. */
  readonly followed: ReadonlyMap<Hash, Cid>
  /** Jobs that this node is executing. */
  readonly inHand: ReadonlySet<Hash>
  /** False of a duty that is under way, or waits to be tried again. */
  readonly mayStart: (duty: string) => boolean
  /** Verdicts in cases that this node was drawn for. */
  readonly found: ReadonlyMap<number, Verdict>
}

/** What a worker takes on: its owner's will. */
export interface WorkTerms {
  /** Wei that it asks for a unit, by task. */
  readonly leastUnitWei: Readonly<Record<Task, bigint>>
  /** Jobs that it has in hand at the most. */
  readonly maxJobs: number
}

export interface DutyRules {
  readonly rules: PayoutRules
  readonly terms: WorkTerms
  /** What its owner lets it lose in calls of juries, in wei. */
  readonly challengeBudgetWei: bigint
}

/** What one job asks of this node, other jobs aside. */
export interface Call {
  /** Its execution has fallen to this worker. */
  readonly isOurs: boolean
  /** What this worker, being next in line, should hold of it. */
  readonly follow: Extract<Duty, { kind: 'follow' }> | undefined
  /** Its claims to audit, and answers to read. */
  readonly audits: readonly Duty[]
  /** What may be settled of it. */
  readonly ready: Ready | undefined
}

export function duties(
  ledger: Ledger,
  will: DutyRules,
  workings: Workings,
  self: Address,
  nowMs: number,
): Duty[] {
  const calls = new Map(
    [...ledger.jobs].map(([jobId, job]) => [jobId, callOf(ledger, job, self, nowMs)]),
  )
  const ours = [...calls].flatMap(([jobId, { isOurs }]) => (isOurs ? [jobId] : []))
  const ready = settleable([...calls.values()].flatMap((call) => call.ready ?? []))
  return [
    ...chainDuties(ledger, will, workings, self, nowMs),
    ...executions(ledger, will, workings, ours, self, nowMs),
    ...follows(calls.values(), workings),
    ...[...ledger.claims.keys()].flatMap((jobId) => calls.get(jobId)?.audits ?? []),
    ...settlements(ledger, will, workings, ready, self, nowMs),
    ...finalisations(ledger, self),
  ]
}

export function callOf(ledger: Ledger, job: Fact<'job'>, self: Address, nowMs: number): Call {
  const isOurs = hasFallenTo(ledger, job, self, nowMs)
  const follow = followDue(ledger, job, self, nowMs)
  if (!ledger.members.has(self, 'validator'))
    return { isOurs, follow, audits: [], ready: undefined }
  const ready = readyOf(ledger, job, nowMs)
  return { isOurs, follow, audits: audits(ledger, job, self, nowMs), ready }
}

/** What the chain tells of this node's affairs. */
export function chainDuties(
  ledger: Ledger,
  { challengeBudgetWei }: DutyRules,
  { found }: Workings,
  self: Address,
  nowMs: number,
): Duty[] {
  return [
    ...readBatches(ledger, nowMs),
    ...registrationsDue(ledger, self),
    ...judgingDue(ledger, { self, challengeBudgetWei, found }, nowMs),
  ]
}

/** True where the turn has come to this worker, once the block is there that seeds the job. */
function hasFallenTo(ledger: Ledger, job: Fact<'job'>, self: Address, nowMs: number): boolean {
  const { digest } = job.envelope
  if (!ledger.members.has(self, 'worker')) return false
  if (ledger.claims.get(digest)?.has(self) || isOver(job.body.deadlineMs, nowMs)) return false
  if (turnOf(ledger, digest, nowMs)?.worker.node !== self) return false
  return (ledger.head?.number ?? 0) >= job.body.seedBlock
}

/**
 * Jobs that have fallen to this worker. What it will not take on it refuses at once, rather than let its turn run out.
 * @param ours in the order of the ledger
 */
export function executions(
  ledger: Ledger,
  { terms }: DutyRules,
  { inHand }: Workings,
  ours: readonly Hash[],
  self: Address,
  nowMs: number,
): Duty[] {
  let taken = inHand.size
  return ours.map((jobId): Duty => {
    const { body } = ledger.jobs.get(jobId)!
    if (!inHand.has(jobId)) {
      const reason = isCovered(ledger, jobId) ? refusal(terms, body, taken) : 'unpaid'
      if (reason) {
        const message = refusalOf(self, jobId, reason, nowMs)
        return { kind: 'publish', duty: `refuse ${jobId}`, message }
      }
      taken += 1
    }
    const states = statesOf(ledger, jobId, self)
    return { kind: 'execute', duty: `execute ${jobId}`, jobId, job: body, states }
  })
}

/** What this worker should hold of jobs that others work at, and does not yet. */
export function follows(calls: Iterable<Call | undefined>, { followed }: Workings): Duty[] {
  return [...calls].flatMap((call) => {
    const follow = call?.follow
    return follow && followed.get(follow.jobId) !== follow.state ? [follow] : []
  })
}

function refusal(
  terms: WorkTerms,
  { task, unitWei }: Job,
  inHand: number,
): RefusalReason | undefined {
  if (unitWei < terms.leastUnitWei[task]) return 'price'
  return inHand >= terms.maxJobs ? 'busy' : undefined
}

/** What a worker says of a job that it will not do. */
export function refusalOf(
  self: Address,
  jobId: Hash,
  reason: RefusalReason,
  nowMs: number,
): Message {
  return { kind: 'refusal', body: { jobId, worker: self, reason, issuedAtMs: nowMs } }
}

/** Claims in which this validator has a seat and has not voted, and answers whose attribution it must know to settle. */
function audits(ledger: Ledger, job: Fact<'job'>, self: Address, nowMs: number): Duty[] {
  const claims = ledger.claims.get(job.envelope.digest)
  if (!claims) return []
  return [...claims.values()].flatMap((claim) => [
    ...auditOf(ledger, job, claim, self, nowMs),
    ...openingOf(ledger, job, claim, self, nowMs),
    ...readOf(ledger, job, claim, nowMs),
  ])
}

function auditOf(
  ledger: Ledger,
  job: Fact<'job'>,
  claim: Fact<'claim'>,
  self: Address,
  nowMs: number,
): Duty[] {
  const { digest } = claim.envelope
  if (ledger.votes.get(digest)?.has(self) || !isInTurn(ledger, claim, nowMs)) return []
  if (!seated(ledger, claim, nowMs).some(({ node }) => node === self)) return []
  return verifyOf(ledger, job, claim, self)
}

/** Once a block is there that nobody knew when the claim came. */
function verifyOf(ledger: Ledger, job: Fact<'job'>, claim: Fact<'claim'>, self: Address): Duty[] {
  const { digest } = claim.envelope
  const { head } = ledger
  if (!head || head.number <= claim.arrivedAtBlock) return []
  return [
    {
      kind: 'verify',
      duty: `verify ${digest}`,
      job: job.body,
      claim: claim.body,
      claimId: digest,
      beacon: head.hash,
      beaconBlock: head.number,
      failed: failedOf(ledger, claim, self),
    },
  ]
}

function failedOf(ledger: Ledger, claim: Fact<'claim'>, self: Address): FailedAudit | undefined {
  const failed = failedBefore(ledger, claim, self)
  if (!failed) return undefined
  const { validator, beaconBlock } = failed.body
  return { validator, beaconBlock }
}

/** The block that chose what to check is named by the vote: another one would choose another part. */
function lookAgain(
  ledger: Ledger,
  job: Fact<'job'>,
  claim: Fact<'claim'>,
  { body }: Fact<'vote'>,
): Duty[] {
  const { head } = ledger
  const { digest: claimId } = claim.envelope
  const { beaconBlock, validator } = body
  if (!head || head.number < beaconBlock) return []
  const again = { job: job.body, claim: claim.body, claimId, beacon: undefined, beaconBlock }
  const failed = failedOf(ledger, claim, validator)
  return [{ kind: 'verify', duty: `verify ${claimId}`, ...again, failed }]
}

/** What this validator saw is told; where it has forgotten that, it looks again at what its vote was about. */
function openingOf(
  ledger: Ledger,
  job: Fact<'job'>,
  claim: Fact<'claim'>,
  self: Address,
  nowMs: number,
): Duty[] {
  if (!mayOpen(ledger, claim, self, nowMs)) return []
  const { digest } = claim.envelope
  const seen = ledger.seen.get(digest)
  if (!seen) return lookAgain(ledger, job, claim, ledger.votes.get(digest)!.get(self)!)
  const { state, path, siblings } = seen.place
  const { transcript } = seen
  const { jobId } = claim.body
  const told = { transcript, state, path, siblings: [...siblings] }
  const body = { jobId, claim: digest, validator: self, ...told, issuedAtMs: nowMs }
  return [{ kind: 'publish', duty: `open ${digest}`, message: { kind: 'opening', body } }]
}

function readOf(ledger: Ledger, job: Fact<'job'>, claim: Fact<'claim'>, nowMs: number): Duty[] {
  const { digest } = claim.envelope
  if (!needsAttribution(job) || ledger.attributions.has(digest)) return []
  if (acceptedClaim(ledger, claim.body.jobId, nowMs)?.claim !== claim) return []
  return [{ kind: 'read', duty: `read ${digest}`, claim: claim.body, claimId: digest }]
}

/**
 * True where the claim's worker has the turn, or nobody has it any more: nobody jumps the queue, or comes back to it. Where
 * auditors disagree those who look again do so whoever has the turn: each audit of a fine-tune takes as long as a verdict may.
 */
function isInTurn(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): boolean {
  const { worker, jobId } = claim.body
  const accepted = acceptedClaim(ledger, jobId, nowMs)
  if (accepted) return accepted.claim === claim
  const turn = turnOf(ledger, jobId, nowMs)
  return turn === undefined || turn.worker.node === worker || isSplit(ledger, claim, nowMs)
}

/**
 * What a validator owes to others' honesty and to the next batch.
 * @param ready all that may be settled, as `settleable` orders it
 */
export function settlements(
  ledger: Ledger,
  { rules }: DutyRules,
  workings: Workings,
  ready: readonly Ready[],
  self: Address,
  nowMs: number,
): Duty[] {
  if (!ledger.members.has(self, 'validator')) return []
  const { built, lots, mayStart } = workings
  const due: Duty[] = [
    ...spotChecksDue(ledger, lots),
    ...accusations(ledger, self, nowMs),
    ...repairsDue(ledger, self, nowMs),
  ]
  const proposed = proposalDue(ledger, rules, built, ready, mayStart, self, nowMs)
  if (proposed) due.push({ kind: 'offer', duty: offerOf(proposed.proposal), ...proposed })
  due.push(...endorsementsDue(ledger, workings, self, nowMs))
  const post = postDue(ledger, built, self, nowMs)
  if (post) due.push(post)
  return due
}

/** Batches whose window is over, as the chain's clock has it. */
export function finalisations(ledger: Ledger, self: Address): Duty[] {
  const due = ledger.members.has(self, 'validator') ? finaliseDue(ledger, self) : undefined
  return due ? [due] : []
}

/** Whoever contradicted itself is reported by the validators in turn: the reporter's part goes to the first. */
function accusations(ledger: Ledger, self: Address, nowMs: number): Duty[] {
  return [...ledger.contradictions].flatMap(([slot, { said, heardAtMs }]): Duty[] => {
    const place = turnPlace(ledger, 'accuse', said[0].digest, self)
    if (place < 0 || !hasCome(heardAtMs + place * TURN_MS, nowMs)) return []
    return [{ kind: 'accuse', duty: `accuse ${slot}`, slot, said }]
  })
}

/** Posted batches whose data is still unknown: the newest, for its payouts, and those whose jobs might come again. */
function readBatches(ledger: Ledger, nowMs: number): Duty[] {
  const last = lastBatch(ledger)
  return [...ledger.batches.unread].flatMap((number): Duty[] => {
    const { header, finalAtMs } = ledger.batches.get(number)!
    const isOld = hasCome(finalAtMs + 2 * MAX_JOB_LIFETIME_MS, nowMs)
    if (number !== last && isOld && !ledger.disputes.holds(header)) return []
    return [{ kind: 'read-batch', duty: `read-batch ${number}`, header }]
  })
}
