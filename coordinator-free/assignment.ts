/**
 * Whose turn it is to execute a job. Every node works out the same order; the first has the turn until it falls silent,
 * its claim is rejected, or its claim waits too long for a verdict, and then the next. When all have had a turn, those
 * without a claim get another.
 */
import type { Hash } from '../protocol/hash.ts'
import { LEASE_MS, STALL_MS, TURN_SHARE, VERDICT_WAIT_MS } from '../protocol/params.ts'
import { type Standing, standingOf } from './committee.ts'
import type { Fact, Ledger } from './ledger.ts'
import type { Member } from './members.ts'

export interface Turn {
  readonly worker: Member
  /** 0 for the first in the order; goes on counting in later rounds. */
  readonly attempt: number
  readonly sinceMs: number
}

/** The claim that stands accepted for a job: of several, the one of the worker who was to go first. */
export function acceptedClaim(
  ledger: Ledger,
  jobId: Hash,
  nowMs: number,
): { readonly claim: Fact<'claim'>; readonly standing: Standing } | undefined {
  const claims = ledger.claims.get(jobId)
  if (!claims || !ledger.jobs.has(jobId)) return undefined
  for (const { node } of workers(ledger, jobId)) {
    const claim = claims.get(node)
    if (!claim) continue
    const standing = standingOf(ledger, claim, nowMs)
    if (standing.status === 'accepted') return { claim, standing }
  }
  return undefined
}

/** The worker whose turn it is now; nobody's where a claim is accepted or no worker is left. */
export function turnOf(ledger: Ledger, jobId: Hash, nowMs: number): Turn | undefined {
  if (acceptedClaim(ledger, jobId, nowMs)) return undefined
  return turnsOf(ledger, jobId, nowMs).now
}

/** Why a turn was over. */
export type TurnEnd = 'silent' | 'stalled' | 'too-long' | 'rejected' | 'no-verdict'

export interface PastTurn extends Turn {
  readonly endMs: number
  readonly end: TurnEnd
}

/** All turns at a job so far, the one that runs apart. Turns of those whose claim left them no time are left out. */
export function turnsOf(
  ledger: Ledger,
  jobId: Hash,
  nowMs: number,
): { readonly past: readonly PastTurn[]; readonly now: Turn | undefined } {
  const past: PastTurn[] = []
  const job = ledger.jobs.get(jobId)
  if (!job) return { past, now: undefined }
  const order = workers(ledger, jobId)
  let sinceMs = job.arrivedAtMs
  for (let attempt = 0, idle = 0; idle < order.length; attempt++) {
    const worker = order[attempt % order.length]!
    const { endMs, end } = endOfTurn(ledger, jobId, worker, sinceMs, nowMs)
    if (endMs > nowMs) return { past, now: { worker, attempt, sinceMs } }
    // A round in which nobody had any time left over is the last: all claims were rejected or left aside.
    idle = endMs === sinceMs ? idle + 1 : 0
    if (idle === 0) past.push({ worker, attempt, sinceMs, endMs, end })
    sinceMs = endMs
  }
  return { past, now: undefined }
}

interface End {
  readonly endMs: number
  readonly end: TurnEnd
}

/** When the turn that began at `sinceMs` ends, as far as is known now, and of what. */
function endOfTurn(
  ledger: Ledger,
  jobId: Hash,
  worker: Member,
  sinceMs: number,
  nowMs: number,
): End {
  const claim = ledger.claims.get(jobId)?.get(worker.node)
  if (!claim) return endOfWork(ledger, jobId, worker, sinceMs)
  const standing = standingOf(ledger, claim, nowMs)
  if (standing.status === 'rejected') {
    return { endMs: Math.max(sinceMs, standing.decidedAtMs), end: 'rejected' }
  }
  return { endMs: Math.max(sinceMs, claim.arrivedAtMs + VERDICT_WAIT_MS), end: 'no-verdict' }
}

/** A worker without a claim keeps its turn while it beats, gets on with it, and does not take too long. */
function endOfWork(ledger: Ledger, jobId: Hash, worker: Member, sinceMs: number): End {
  const { deadlineMs, issuedAtMs } = ledger.jobs.get(jobId)!.body
  const beat = ledger.beats.get(jobId)?.get(worker.node)
  const silentMs = Math.max(sinceMs, beat?.arrivedAtMs ?? 0) + LEASE_MS
  const stalledMs = Math.max(sinceMs, beat?.progressedAtMs ?? 0) + STALL_MS
  const longestMs = Math.max(sinceMs + (deadlineMs - issuedAtMs) * TURN_SHARE, sinceMs + LEASE_MS)
  const endMs = Math.min(silentMs, stalledMs, longestMs)
  return {
    endMs,
    end: endMs === silentMs ? 'silent' : endMs === stalledMs ? 'stalled' : 'too-long',
  }
}

function workers(ledger: Ledger, jobId: Hash): readonly Member[] {
  return ledger.members.ranked('worker', 'execute', jobId)
}
