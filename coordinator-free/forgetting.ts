/** How facts leave the ledger: with the job that they are about, or when nothing can come of them any more. */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { authorOf } from '../protocol/message.ts'
import {
  MAX_JOB_LIFETIME_MS,
  MAX_KEPT_BATCHES,
  MAX_KEPT_ENTRIES,
  VERDICT_WAIT_MS,
} from '../protocol/params.ts'
import type { PostedBatch } from './batches.ts'
import { isOver } from './horizon.ts'
import type { Fact, Ledger } from './ledger.ts'
import { isCovered } from './purse.ts'
import { isToRegister } from './registrations.ts'

/** Forgets a job with all that was said about it. */
export function forgetJob(ledger: Ledger, jobId: Hash): void {
  ledger.jobs.delete(jobId)
  ledger.changes.ofJob(jobId)
  forgetEnvelope(ledger, jobId)
  ledger.beats.delete(jobId)
  forgetRefusals(ledger, jobId)
  forgetClaims(ledger, jobId)
}

/**
 * Forgets what no longer matters: jobs that ran out, proposals that expired, settlements long past, messages whose job never
 * came.
 */
export function forgetStale(
  ledger: Ledger,
  nowMs: number,
  accepted: (jobId: Hash) => boolean,
): void {
  for (const [jobId, { body }] of ledger.jobs) {
    const lastMs = body.deadlineMs + VERDICT_WAIT_MS
    if (!isOver(lastMs, nowMs)) continue
    // What its payer has no money for any more is not waited for for ever.
    const isLost = isOver(lastMs + MAX_JOB_LIFETIME_MS, nowMs) && !isCovered(ledger, jobId)
    if (isLost || !accepted(jobId)) forgetJob(ledger, jobId)
  }
  for (const [jobId, { untilMs }] of ledger.settled) {
    // Those behind it were settled later.
    if (!isOver(untilMs, nowMs)) break
    ledger.settled.delete(jobId)
  }
  forgetProposals(ledger, ({ epoch }) => !ledger.parameters.takesBatchOf(epoch, nowMs))
  for (const [jobId, claims] of ledger.claims) {
    if (!ledger.jobs.has(jobId) && isPast(claims, nowMs)) forgetClaims(ledger, jobId)
  }
  for (const [jobId, refusals] of ledger.refusals) {
    if (ledger.jobs.has(jobId) || !isPast(refusals, nowMs)) continue
    forgetRefusals(ledger, jobId)
  }
  for (const said of [ledger.votes, ledger.openings]) {
    for (const [claimId, facts] of said) {
      if (!ledger.envelopes.has(claimId) && isPast(facts, nowMs)) forgetVotes(ledger, claimId)
    }
  }
  for (const [header, endorsements] of ledger.endorsements) {
    if (isTooOld(ledger, endorsements, nowMs)) forgetEndorsements(ledger, header)
  }
}

/**
 * Lets go of the oldest batches beyond what a node keeps: of those that are final and before the newest that has collected
 * fees, by which people are paid, unless a fine-tune of this node's own is still to be registered by it.
 */
export function forgetBatches(ledger: Ledger, self: Address): void {
  const { batches } = ledger
  let paying = batches.last
  while (paying > 0 && !isPaidBy(batches.get(paying))) paying -= 1
  const bounds = { most: MAX_KEPT_BATCHES, mostEntries: MAX_KEPT_ENTRIES }
  batches.shed(bounds, ({ header, final, data }) => {
    if (!final || header.number >= paying) return false
    return !data?.receipts.some((receipt) => isToRegister(ledger, receipt, self))
  })
}

function isPaidBy(batch: PostedBatch | undefined): boolean {
  return batch?.final === true && batch.header.openWei === 0n && batch.data?.collects !== false
}

/** True where the contract takes no batch any more of the epoch in which these came. */
function isTooOld(
  { parameters }: Ledger,
  facts: Map<Address, { arrivedAtMs: number }>,
  nowMs: number,
): boolean {
  for (const { arrivedAtMs } of facts.values()) {
    if (parameters.takesBatchOf(parameters.epochAt(arrivedAtMs), nowMs)) return false
  }
  return true
}

/** Forgets the proposals that something is true of. */
export function forgetProposals(
  ledger: Ledger,
  isPast: (body: Fact<'proposal'>['body']) => boolean,
): void {
  for (const [digest, { body }] of ledger.proposals) {
    if (!isPast(body)) continue
    ledger.proposals.delete(digest)
    ledger.changes.ofBatching()
    forgetEnvelope(ledger, digest)
  }
}

/** Forgets who endorsed a header: it is posted, or too old to be. */
export function forgetEndorsements(ledger: Ledger, header: Hash): void {
  for (const { envelope } of ledger.endorsements.get(header)?.values() ?? []) {
    forgetEnvelope(ledger, envelope.digest)
  }
  if (ledger.endorsements.delete(header)) ledger.changes.ofBatching()
}

function forgetClaims(ledger: Ledger, jobId: Hash): void {
  for (const claim of ledger.claims.get(jobId)?.values() ?? []) forgetClaim(ledger, claim)
  ledger.claims.delete(jobId)
  ledger.struck.delete(jobId)
}

function forgetClaim(ledger: Ledger, claim: Fact<'claim'>): void {
  const { digest } = claim.envelope
  forgetVotes(ledger, digest)
  ledger.attributions.delete(digest)
  ledger.seen.delete(digest)
  forgetEnvelope(ledger, digest)
}

function forgetRefusals(ledger: Ledger, jobId: Hash): void {
  for (const { envelope } of ledger.refusals.get(jobId)?.values() ?? []) {
    forgetEnvelope(ledger, envelope.digest)
  }
  ledger.refusals.delete(jobId)
}

function forgetVotes(ledger: Ledger, claimId: Hash): void {
  ledger.struck.delete(claimId)
  for (const said of [ledger.votes, ledger.openings]) {
    for (const { envelope } of said.get(claimId)?.values() ?? []) {
      forgetEnvelope(ledger, envelope.digest)
    }
    said.delete(claimId)
  }
}

/** True where all of these have waited in vain for what they are about. */
function isPast(facts: Map<Address, { arrivedAtMs: number }>, nowMs: number): boolean {
  for (const { arrivedAtMs } of facts.values()) {
    if (!isOver(arrivedAtMs + VERDICT_WAIT_MS, nowMs)) return false
  }
  return true
}

function forgetEnvelope(ledger: Ledger, digest: Hash): void {
  const envelope = ledger.envelopes.get(digest)
  if (!envelope) return
  const author = authorOf(envelope.message)
  const left = ledger.said.get(author)! - 1
  ledger.envelopes.delete(digest)
  if (left === 0) ledger.said.delete(author)
  else ledger.said.set(author, left)
}
