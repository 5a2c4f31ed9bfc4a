/** All that falls to this node now. A pure function of the ledger and the time; nothing here remembers what was ordered. */
import type { Proposal } from '../protocol/batch.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import type { Message } from '../protocol/message.ts'
import { MAX_JOB_LIFETIME_MS, TURN_MS } from '../protocol/params.ts'
import type { Task } from '../protocol/receipt.ts'
import type { RefusalReason } from '../protocol/refusal.ts'
import { acceptedClaim, turnOf } from './assignment.ts'
import { seated } from './committee.ts'
import type { Duty } from './events.ts'
import { type Judge, judgingDue } from './judging.ts'
import { type Fact, type Ledger, lastBatch } from './ledger.ts'
import type { PayoutRules } from './payout.ts'
import { isCovered } from './purse.ts'
import {
  type Built,
  finaliseDue,
  hasFailed,
  needsAttribution,
  postDue,
  proposalDue,
  registrationsDue,
  repairsDue,
} from './settlement.ts'
import { type Lot, spotChecksDue } from './spot-checks.ts'

/** What this node has worked out so far. */
export interface Workings {
  /** Proposals for the next batch, by digest. */
  readonly built: ReadonlyMap<Hash, Built>
  /** Headers whose data was found where they say. */
  readonly retrieved: ReadonlySet<Hash>
  /** Settled claims that it was drawn to check. */
  readonly lots: ReadonlyMap<Hash, Lot>
  /** Jobs that this node is executing. */
  readonly inHand: ReadonlySet<Hash>
  /** Verdicts in cases that this node was drawn for. */
  readonly found: Judge['found']
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

export function duties(
  ledger: Ledger,
  { rules, terms, challengeBudgetWei }: DutyRules,
  workings: Workings,
  self: Address,
  nowMs: number,
): Duty[] {
  const roles = ledger.members.get(self)?.roles ?? []
  const judge = { self, challengeBudgetWei, found: workings.found }
  const due: Duty[] = [...readBatches(ledger, nowMs), ...registrationsDue(ledger, self)]
  due.push(...judgingDue(ledger, judge, nowMs))
  if (roles.includes('worker')) due.push(...executions(ledger, terms, workings, self, nowMs))
  if (!roles.includes('validator')) return due
  due.push(...audits(ledger, self, nowMs), ...spotChecksDue(ledger, workings.lots))
  due.push(...accusations(ledger, self, nowMs))
  due.push(...settlements(ledger, rules, workings, self, nowMs))
  return due
}

/**
 * Jobs whose turn has come to this worker, once the block is there that seeds them. What it will not take on it refuses at
 * once, rather than let its turn run out.
 */
function executions(
  ledger: Ledger,
  terms: WorkTerms,
  { inHand }: Workings,
  self: Address,
  nowMs: number,
): Duty[] {
  let taken = inHand.size
  return [...ledger.jobs].flatMap(([jobId, { body }]): Duty[] => {
    if ((ledger.head?.number ?? 0) < body.seedBlock || nowMs > body.deadlineMs) return []
    if (ledger.claims.get(jobId)?.has(self)) return []
    if (turnOf(ledger, jobId, nowMs)?.worker.node !== self) return []
    if (!inHand.has(jobId)) {
      const reason = isCovered(ledger, jobId) ? refusal(terms, body, taken) : 'unpaid'
      if (reason) {
        const message = refusalOf(self, jobId, reason, nowMs)
        return [{ kind: 'publish', duty: `refuse ${jobId}`, message }]
      }
      taken += 1
    }
    return [{ kind: 'execute', duty: `execute ${jobId}`, jobId, job: body }]
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
function audits(ledger: Ledger, self: Address, nowMs: number): Duty[] {
  return [...ledger.claims].flatMap(([jobId, claims]) => {
    const job = ledger.jobs.get(jobId)
    if (!job) return []
    return [...claims.values()].flatMap((claim) => [
      ...auditOf(ledger, job, claim, self, nowMs),
      ...readOf(ledger, job, claim, nowMs),
    ])
  })
}

function auditOf(
  ledger: Ledger,
  job: Fact<'job'>,
  claim: Fact<'claim'>,
  self: Address,
  nowMs: number,
): Duty[] {
  const { digest } = claim.envelope
  const { head } = ledger
  if (!head || head.number <= claim.arrivedAtBlock) return []
  if (ledger.votes.get(digest)?.has(self) || !isInTurn(ledger, claim, nowMs)) return []
  if (!seated(ledger, claim, nowMs).some(({ node }) => node === self)) return []
  return [
    {
      kind: 'verify',
      duty: `verify ${digest}`,
      job: job.body,
      claim: claim.body,
      claimId: digest,
      beacon: head.hash,
      beaconBlock: head.number,
    },
  ]
}

function readOf(ledger: Ledger, job: Fact<'job'>, claim: Fact<'claim'>, nowMs: number): Duty[] {
  const { digest } = claim.envelope
  if (!needsAttribution(job) || ledger.attributions.has(digest)) return []
  if (acceptedClaim(ledger, claim.body.jobId, nowMs)?.claim !== claim) return []
  return [{ kind: 'read', duty: `read ${digest}`, claim: claim.body, claimId: digest }]
}

/** True where the claim's worker has the turn, or nobody has it any more: nobody jumps the queue, or comes back to it. */
function isInTurn(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): boolean {
  const { worker, jobId } = claim.body
  const accepted = acceptedClaim(ledger, jobId, nowMs)
  if (accepted) return accepted.claim === claim
  const turn = turnOf(ledger, jobId, nowMs)
  return turn === undefined || turn.worker.node === worker
}

function settlements(
  ledger: Ledger,
  rules: PayoutRules,
  { built, retrieved }: Workings,
  self: Address,
  nowMs: number,
): Duty[] {
  const due: Duty[] = repairsDue(ledger)
  const proposed = proposalDue(ledger, rules, built, self, nowMs)
  if (proposed) due.push({ kind: 'offer', duty: offerOf(proposed.proposal), ...proposed })
  for (const { header, headerHash, data } of built.values()) {
    if (header.number !== lastBatch(ledger) + 1 || ledger.faulty > 0) continue
    if (ledger.endorsements.get(headerHash)?.has(self)) continue
    // D10: nobody stands for a claim that it has found false.
    if (data.receipts.some(({ claim }) => hasFailed(ledger, claim, self))) continue
    // Nobody stands for data that it could not get.
    if (header.availability !== '' && !retrieved.has(headerHash)) {
      due.push({ kind: 'retrieve', duty: `retrieve ${headerHash}`, header, headerHash })
      continue
    }
    const body = { validator: self, header: headerHash }
    const message = { kind: 'endorsement', body } as const
    due.push({ kind: 'publish', duty: `endorse ${headerHash}`, message })
  }
  const post = postDue(ledger, built, self, nowMs)
  if (post) due.push(post)
  const finalise = finaliseDue(ledger, self)
  if (finalise) due.push(finalise)
  return due
}

/** Whoever contradicted itself is reported by the validators in turn: the reporter's part goes to the first. */
function accusations(ledger: Ledger, self: Address, nowMs: number): Duty[] {
  return [...ledger.contradictions].flatMap(([slot, { said, heardAtMs }]): Duty[] => {
    const order = ledger.members.ranked('validator', 'accuse', said[0].digest)
    const place = order.findIndex(({ node }) => node === self)
    if (place < 0 || nowMs < heardAtMs + place * TURN_MS) return []
    return [{ kind: 'accuse', duty: `accuse ${slot}`, slot, said }]
  })
}

/** Under this name a proposal is offered and then published. */
export function offerOf({ number, previous, epoch }: Proposal): string {
  return `propose ${number} ${previous} ${epoch}`
}

/** Posted batches whose data is still unknown: the newest, for its payouts, and those whose jobs might come again. */
function readBatches(ledger: Ledger, nowMs: number): Duty[] {
  const last = lastBatch(ledger)
  return [...ledger.batches].flatMap(([number, { header, data, finalAtMs }]): Duty[] => {
    const recent = finalAtMs > nowMs - 2 * MAX_JOB_LIFETIME_MS
    if (data || (number !== last && !recent && !ledger.disputes.holds(header))) return []
    return [{ kind: 'read-batch', duty: `read-batch ${number}`, header }]
  })
}
