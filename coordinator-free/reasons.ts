/**
 * Why this node did its part in a job or did not, and what it was paid or was not, each with the facts that prove it.
 * Read off the ledger with the very functions that decide; what a settled job has left behind is its receipt.
 */
import { strengthOf } from '../protocol/attribution.ts'
import { costWei } from '../protocol/batch-cost.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { accountsIn, cumulativeOf } from '../protocol/payouts.ts'
import type { Receipt } from '../protocol/receipt.ts'
import type { BatchData } from '../protocol/settlement.ts'
import { acceptedClaim, refusedByAll, turnsOf } from './assignment.ts'
import { seatsOf, standingOf } from './committee.ts'
import { awaitsData, type Fact, type Ledger } from './ledger.ts'
import { leastFirstPayWei } from './newcomers.ts'
import { contributorsPaid, validatorShares, type Weighable } from './payout.ts'
import { awaitedBargain } from './proposals.ts'
import { purseOf } from './purse.ts'
import type { Reason, ShareReason } from './reason.ts'
import { readyOf, settleable } from './settlement.ts'

/** Why this node stands to an open job as it does. An unknown job has no reasons. */
export function reasons(ledger: Ledger, self: Address, jobId: Hash, nowMs: number): Reason[] {
  const job = ledger.jobs.get(jobId)
  if (!job) return []
  const claims = [...(ledger.claims.get(jobId)?.values() ?? [])]
  return [
    execution(ledger, self, job, nowMs),
    ...standstill(ledger, jobId),
    ...claims.flatMap((claim) => audit(ledger, self, claim, nowMs)),
    ...claims.flatMap((claim) => verdict(ledger, self, claim, nowMs)),
    ...coverage(ledger, job, nowMs),
    ...worth(ledger, job, nowMs),
  ]
}

function execution(ledger: Ledger, self: Address, job: Fact<'job'>, nowMs: number): Reason {
  const { digest: jobId } = job.envelope
  const order = ledger.members.ranked('worker', 'execute', jobId)
  const place = 1 + order.findIndex(({ node }) => node === self)
  if (place === 0) return { code: 'no-worker' }
  const rank = { place, of: order.length }
  const claim = ledger.claims.get(jobId)?.get(self)
  if (claim) return { code: 'claimed', claim: claim.envelope.digest, ...rank }
  const refusal = ledger.refusals.get(jobId)?.get(self)
  if (refusal) return { code: 'refused', why: refusal.body.reason, ...rank }
  const { past, now } = turnsOf(ledger, jobId, nowMs)
  const lost = past.findLast(({ worker }) => worker.node === self)
  const accepted = acceptedClaim(ledger, jobId, nowMs)?.claim.body.worker
  if (lost) {
    const { end, sinceMs, endMs } = lost
    return { code: 'turn-lost', end, sinceMs, endMs, ...rank }
  }
  if (accepted) return { code: 'turn-never-came', accepted, ...rank }
  const { deadlineMs, seedBlock } = job.body
  if (nowMs > deadlineMs) return { code: 'deadline-passed', deadlineMs }
  const head = ledger.head?.number ?? 0
  if (head < seedBlock) return { code: 'seed-block-ahead', seedBlock, head }
  const behind = now?.worker.node ?? order[0]!.node
  if (now && behind === self) return { code: 'has-turn', sinceMs: now.sinceMs, ...rank }
  return { code: 'waits-for-turn', behind, ...rank }
}

/** Whoever ordered it wants to know this of any node. */
function standstill(ledger: Ledger, jobId: Hash): Reason[] {
  const whys = refusedByAll(ledger, jobId)
  return whys ? [{ code: 'refused-by-all', whys: [...new Set(whys)] }] : []
}

function audit(ledger: Ledger, self: Address, fact: Fact<'claim'>, nowMs: number): Reason[] {
  const { digest: claim } = fact.envelope
  const { worker } = fact.body
  if (worker === self) return []
  const vote = ledger.votes.get(claim)?.get(self)
  if (vote) {
    const { verdict, reason: why, checked } = vote.body
    return [{ code: 'voted', claim, verdict, why, checked }]
  }
  const { order, seats } = seatsOf(ledger, fact, nowMs)
  const place = 1 + order.findIndex(({ node }) => node === self)
  if (!ledger.members.has(self, 'validator')) return [{ code: 'no-validator', claim }]
  if (place === 0) return [{ code: 'own-claim', claim, worker }]
  const rank = { place, of: order.length }
  if (place > seats) return [{ code: 'not-seated', claim, seats, ...rank }]
  return [{ code: 'vote-due', claim, ...rank }]
}

/** What became of this node's own claim. */
function verdict(ledger: Ledger, self: Address, fact: Fact<'claim'>, nowMs: number): Reason[] {
  const { digest: claim } = fact.envelope
  if (fact.body.worker !== self) return []
  const { status, votes } = standingOf(ledger, fact, nowMs)
  if (status === 'open') return [{ code: 'no-verdict-yet', claim, votes: votes.length }]
  if (status === 'accepted') return []
  const fails = votes.flatMap(({ body }) => (body.verdict === 'fail' ? [body.reason] : []))
  return [{ code: 'claim-rejected', claim, fails }]
}

/**
 * An accepted claim stays out of batches while its payer's escrow is short. Nothing is said while the newest batch has not
 * been read: it may have settled the job and taken its fee.
 */
function coverage(ledger: Ledger, job: Fact<'job'>, nowMs: number): Reason[] {
  if (awaitsData(ledger) || !acceptedClaim(ledger, job.envelope.digest, nowMs)) return []
  const short = purseOf(ledger, job.body.requester).missingWei(job.body)
  return short > 0n ? [{ code: 'not-covered', payer: job.body.requester, missingWei: short }] : []
}

/** What may be settled waits for a while where posting it would cost more than it is worth (G1). */
function worth(ledger: Ledger, job: Fact<'job'>, nowMs: number): Reason[] {
  if (awaitsData(ledger) || !readyOf(ledger, job, nowMs)) return []
  const ready = [...ledger.jobs.values()].flatMap((one) => readyOf(ledger, one, nowMs) ?? [])
  const bargain = awaitedBargain(ledger, settleable(ready), nowMs)
  if (!bargain) return []
  const feesWei = bargain.fees.reduce((sum, { feeWei }) => sum + feeWei, 0n)
  const postWei = costWei(bargain.load, ledger.prices.newest!)
  return [{ code: 'gas-too-dear', costWei: postWei, feesWei, untilMs: bargain.lastMs }]
}

/** What a batch that settles a job pays this node for it, and why not more. Asked before the job is forgotten. */
export function payReasons(
  ledger: Ledger,
  self: Address,
  batch: number,
  receipt: Receipt,
): Reason[] {
  const { worker, claim, passedBy, failedBy, workerWei, validatorsWei, units } = receipt
  const found: Reason[] = [{ code: 'settled', batch, worker }]
  if (worker === self) found.push({ code: 'paid-as-worker', wei: workerWei, units })
  const seat = passedBy.indexOf(self)
  if (seat >= 0) {
    const wei = validatorShares(validatorsWei, passedBy.length)[seat]!
    found.push({ code: 'paid-as-validator', wei, among: passedBy.length })
  } else if (failedBy.includes(self)) {
    found.push({ code: 'outvoted', verdict: 'fail', passes: passedBy.length })
  } else if (ledger.votes.get(claim)?.has(self)) {
    found.push({ code: 'vote-not-counted', claim })
  }
  const owner = ledger.members.get(self)?.owner
  if (receipt.modelOwnerWei > 0n && ledger.models.get(receipt.adapter as Cid)?.owner === owner) {
    found.push({ code: 'paid-as-model-owner', wei: receipt.modelOwnerWei })
  }
  return found
}

/**
 * Why a contributor was paid for the answers of an adapter in a batch, or not.
 * @param before The batch before, whose pool for the adapter may have been carried on
 */
export function shareReason(
  data: BatchData,
  before: BatchData | undefined,
  adapter: Cid,
  answers: readonly Weighable[],
  account: Address,
): ShareReason {
  const { strictness } = data
  const rows = answers[0]?.attribution.shares.find((share) => share.contributor === account)?.rows
  if (rows === undefined) return { code: 'no-contributor' }
  const strength = strengthOf(answers, account)
  const facts = { answers: answers.length, rows, strength, strictness }
  const carried = before?.carries.find((one) => one.adapter === adapter)?.wei ?? 0n
  const { paid } = contributorsPaid(answers, carried, strictness)
  const wei = paid.find(([who]) => who === account)?.[1]
  if (wei === undefined) return { code: 'below-threshold', ...facts }
  if (cumulativeOf(data.pages, account) === undefined) {
    const leastWei = leastFirstPayWei(accountsIn(before?.pages ?? []))
    return { code: 'no-place', wei, leastWei, ...facts }
  }
  return { code: 'paid-as-contributor', wei, ...facts }
}
