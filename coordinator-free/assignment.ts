/**
 * Whose turn it is to execute a job. Every node works out the same order; the first has the turn until it refuses, falls
 * silent, its claim is rejected, or its claim waits too long for a verdict, and then the next. When all have had a turn, those
 * without a claim get another. A claim that comes when its worker's turn is over waits until the turn that runs then is over
 * too: so nobody gains by waiting for another's result and signing it.
 */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import {
  LATE_VOTE_MS,
  LEASE_MS,
  LOST_WAIT_MS,
  RIVAL_WAIT_MS,
  STALL_MS,
  TURN_SHARE,
  VERDICT_WAIT_MS,
} from '../protocol/params.ts'
import type { RefusalReason } from '../protocol/refusal.ts'
import { type Standing, standingOf } from './committee.ts'
import { isStruck } from './contradictions.ts'
import { hasCome } from './horizon.ts'
import type { Fact, Ledger, Run } from './ledger.ts'
import { isUnproven } from './openings.ts'
import type { Member } from './registry.ts'

export interface Turn {
  readonly worker: Member
  /** 0 for the first in the order; goes on counting in later rounds. */
  readonly attempt: number
  readonly sinceMs: number
}

/** A claim that its auditors have accepted. */
interface Accepted {
  readonly claim: Fact<'claim'>
  readonly standing: Standing
}

/**
 * The claim that stands accepted for a job: of several, the one of the worker who was to go first. One that came out of turn, after
 * that of the worker whose turn it was, waits for what comes of the other, unless all of its auditors have looked: else whoever
 * has two of them could sign another's result. It does not wait for ever, for nodes may have seen other turns than this one.
 */
export function acceptedClaim(ledger: Ledger, jobId: Hash, nowMs: number): Accepted | undefined {
  const accepted = acceptedClaims(ledger, jobId, nowMs)
  const isAlone = ledger.claims.get(jobId)?.size === 1
  const [first] = accepted
  if (!first || isAlone || isAtFirst(ledger, jobId, first.claim)) return first
  const { task } = ledger.jobs.get(jobId)!.body
  const { past, now } = turnsOf(ledger, jobId, nowMs)
  const turns = [...past, ...(now ? [{ ...now, endMs: nowMs, end: undefined }] : [])]
  return accepted.find(({ claim, standing: { complete, decidedAtMs } }) => {
    const rivals = complete ? [] : overtaken(ledger, jobId, turns, claim)
    if (rivals.length === 0) return true
    const isLost = accepted.some((other) => rivals.includes(other.claim))
    return hasCome(decidedAtMs + (isLost ? LOST_WAIT_MS : RIVAL_WAIT_MS[task]), nowMs)
  })
}

/** In the order of the workers. */
function acceptedClaims(ledger: Ledger, jobId: Hash, nowMs: number): Accepted[] {
  const accepted: Accepted[] = []
  const claims = ledger.claims.get(jobId)
  if (!claims || !ledger.jobs.has(jobId)) return accepted
  let left = claims.size
  for (const { node } of workers(ledger, jobId)) {
    // Workers are many, and those who claim are few.
    if (left === 0) break
    const claim = claims.get(node)
    if (!claim) continue
    left -= 1
    if (isStruck(ledger, jobId, node)) continue
    const standing = standingOf(ledger, claim, nowMs)
    const isAccepted = standing.status === 'accepted' && !isUnproven(ledger, standing, nowMs)
    if (isAccepted) accepted.push({ claim, standing })
  }
  return accepted
}

/** True of a claim that came in the first turn of all, as nearly all do. */
function isAtFirst(ledger: Ledger, jobId: Hash, { body, arrivedAtMs }: Fact<'claim'>): boolean {
  const [first] = workers(ledger, jobId)
  if (first?.node !== body.worker) return false
  return arrivedAtMs <= endOfWork(ledger, jobId, first, ledger.jobs.get(jobId)!.arrivedAtMs).endMs
}

/** The claims that were there when this one came, and in turn, and that were not found wanting since. */
function overtaken(
  ledger: Ledger,
  jobId: Hash,
  turns: readonly (Turn & { readonly endMs: number; readonly end: TurnEnd | undefined })[],
  { body, arrivedAtMs }: Fact<'claim'>,
): Fact<'claim'>[] {
  return turns.flatMap(({ worker, sinceMs, endMs, end }) => {
    if (worker.node === body.worker || arrivedAtMs < sinceMs || arrivedAtMs > endMs) return []
    const rival = ledger.claims.get(jobId)?.get(worker.node)
    if (!rival || rival.arrivedAtMs > arrivedAtMs) return []
    return end === undefined || end === 'no-verdict' ? [rival] : []
  })
}

/** The worker whose turn it is now; nobody's where a claim is accepted or no worker is left. */
export function turnOf(ledger: Ledger, jobId: Hash, nowMs: number): Turn | undefined {
  if (acceptedClaim(ledger, jobId, nowMs)) return undefined
  return turnsOf(ledger, jobId, nowMs).now
}

/** Why a turn was over. */
export type TurnEnd =
  | ('refused' | 'silent' | 'stalled' | 'too-long')
  | ('rejected' | 'unproven' | 'contradicted' | 'no-verdict')

/** Ends of claims: nothing else of their workers is looked at. */
const VERDICTS: readonly TurnEnd[] = ['rejected', 'unproven', 'contradicted', 'no-verdict']

export interface PastTurn extends Turn {
  readonly endMs: number
  readonly end: TurnEnd
}

/** All turns at a job so far, the one that runs apart. Turns of those who had nothing left to try are left out. */
export function turnsOf(
  ledger: Ledger,
  jobId: Hash,
  nowMs: number,
): { readonly past: readonly PastTurn[]; readonly now: Turn | undefined } {
  const past: PastTurn[] = []
  const job = ledger.jobs.get(jobId)
  if (!job) return { past, now: undefined }
  const order = workers(ledger, jobId)
  const heard = new Set<Address>()
  /** Whose claims have waited in vain: auditors may have been cut off, so in the next round they have another turn. */
  const waited = new Set<Address>()
  let sinceMs = job.arrivedAtMs
  for (let attempt = 0, idle = 0; idle < order.length; ) {
    const late = lateClaim(ledger, jobId, order.slice(0, attempt), heard, sinceMs)
    const worker = late ?? order[attempt % order.length]!
    const turn = { worker, attempt, sinceMs }
    const { endMs, end } = endOfTurn(ledger, jobId, worker, heard, sinceMs, nowMs)
    if (!hasCome(endMs, nowMs)) return { past, now: turn }
    if (VERDICTS.includes(end)) heard.add(worker.node)
    if (end === 'no-verdict' && endMs > sinceMs) waited.add(worker.node)
    if (!late) attempt += 1
    if (!late && attempt % order.length === 0) {
      for (const node of waited) heard.delete(node)
      waited.clear()
    }
    // A round in which nobody had any time left over is the last: all claims were rejected or left aside.
    idle = endMs === sinceMs ? idle + Number(!late) : 0
    if (endMs > sinceMs) past.push({ ...turn, endMs, end })
    sinceMs = endMs
  }
  return { past, now: undefined }
}

/** Who had a turn, claimed after it, and has had no verdict: of several, the first in the order. */
function lateClaim(
  ledger: Ledger,
  jobId: Hash,
  past: readonly Member[],
  heard: ReadonlySet<Address>,
  sinceMs: number,
): Member | undefined {
  const claims = ledger.claims.get(jobId)
  if (!claims || claims.size === heard.size) return undefined
  return past.find(({ node }) => {
    const claim = claims.get(node)
    return claim && claim.arrivedAtMs <= sinceMs && !heard.has(node)
  })
}

interface End {
  readonly endMs: number
  readonly end: TurnEnd
}

/** Why a job gets done by nobody: all workers have refused it. `undefined` while there is one who has not. */
export function refusedByAll(ledger: Ledger, jobId: Hash): readonly RefusalReason[] | undefined {
  const refusals = ledger.refusals.get(jobId)
  const order = workers(ledger, jobId)
  if (!refusals || order.length === 0) return undefined
  const said = order.flatMap(({ node }) => refusals.get(node)?.body.reason ?? [])
  return said.length === order.length ? said : undefined
}

/** When the turn that began at `sinceMs` ends, as far as is known now, and of what. */
function endOfTurn(
  ledger: Ledger,
  jobId: Hash,
  worker: Member,
  heard: ReadonlySet<Address>,
  sinceMs: number,
  nowMs: number,
): End {
  if (heard.has(worker.node)) return { endMs: sinceMs, end: 'no-verdict' }
  const claim = ledger.claims.get(jobId)?.get(worker.node)
  const work = endOfWork(ledger, jobId, worker, sinceMs)
  if (!claim || claim.arrivedAtMs > work.endMs) return work
  const fromMs = Math.max(sinceMs, claim.arrivedAtMs)
  const struck = ledger.struck.get(jobId)?.get(worker.node)
  if (struck) return { endMs: Math.max(fromMs, struck.heardAtMs), end: 'contradicted' }
  const standing = standingOf(ledger, claim, nowMs)
  if (standing.status === 'rejected') {
    return { endMs: Math.max(fromMs, standing.decidedAtMs), end: 'rejected' }
  }
  if (standing.status === 'accepted' && isUnproven(ledger, standing, nowMs)) {
    return { endMs: Math.max(fromMs, standing.decidedAtMs + LATE_VOTE_MS), end: 'unproven' }
  }
  return { endMs: fromMs + VERDICT_WAIT_MS, end: 'no-verdict' }
}

/** A worker without a claim keeps its turn while it beats, gets on with it, does not take too long, and does not refuse. */
function endOfWork(ledger: Ledger, jobId: Hash, worker: Member, sinceMs: number): End {
  const { deadlineMs, issuedAtMs } = ledger.jobs.get(jobId)!.body
  const beat = ledger.beats.get(jobId)?.get(worker.node)
  const refusal = ledger.refusals.get(jobId)?.get(worker.node)
  const silentMs = endOfRun(sinceMs, beat?.signs, LEASE_MS)
  const stalledMs = endOfRun(sinceMs, beat?.progress, STALL_MS)
  const longestMs = Math.max(sinceMs + (deadlineMs - issuedAtMs) * TURN_SHARE, sinceMs + LEASE_MS)
  const endMs = Math.min(silentMs, stalledMs, longestMs)
  if (refusal && refusal.arrivedAtMs <= endMs) {
    return { endMs: Math.max(sinceMs, refusal.arrivedAtMs), end: 'refused' }
  }
  return {
    endMs,
    end: endMs === silentMs ? 'silent' : endMs === stalledMs ? 'stalled' : 'too-long',
  }
}

/** When a turn has seen no sign for `graceMs`. Signs that only began after that do not bring the turn back. */
function endOfRun(sinceMs: number, run: Run | undefined, graceMs: number): number {
  const isOfTurn = run !== undefined && run.sinceMs <= sinceMs + graceMs
  return (isOfTurn ? Math.max(sinceMs, run.latestMs) : sinceMs) + graceMs
}

function workers(ledger: Ledger, jobId: Hash): readonly Member[] {
  return ledger.members.ranked('worker', 'execute', jobId)
}
