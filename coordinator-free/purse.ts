/**
 * What a payer can still pay: its escrow holds so much, and its vouchers reach so far. Any number of jobs may be signed on
 * one escrow, so whoever admits, works or settles asks for all of them at once.
 */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { type Job, maxFeeWei } from '../protocol/job.ts'
import { openCharge } from './charges.ts'
import { awaitsData, type Ledger } from './ledger.ts'

export class Purse {
  readonly #balanceWei: bigint
  readonly #redeemedWei: bigint
  #spentWei: bigint
  /** The furthest that a voucher known so far reaches. */
  #reachWei: bigint

  /** @param spentWei fees that are open already; `reachWei` the cumulative sum that was promised so far */
  constructor(balanceWei: bigint, redeemedWei: bigint, spentWei: bigint, reachWei: bigint) {
    this.#balanceWei = balanceWei
    this.#redeemedWei = redeemedWei
    this.#spentWei = spentWei
    this.#reachWei = reachWei
  }

  /** Sets the job's greatest fee aside; false, and nothing set aside, where money or vouchers do not reach. */
  pay(job: Job): boolean {
    if (this.missingWei(job) > 0n) return false
    this.#spentWei += maxFeeWei(job)
    this.#reachWei = greatest(job.voucherWei, this.#reachWei)
    return true
  }

  /** What it lacks for the job, in wei; 0 where it could pay it. */
  missingWei(job: Job): bigint {
    const spentWei = this.#spentWei + maxFeeWei(job)
    const reachWei = greatest(job.voucherWei, this.#reachWei)
    return greatest(0n, spentWei - this.#balanceWei, this.#redeemedWei + spentWei - reachWei)
  }
}

/**
 * A payer's purse before any of its unsettled jobs.
 * @param leavingWei part of the balance that is not counted on
 */
export function purseOf(ledger: Ledger, payer: Address, leavingWei = 0n): Purse {
  const escrow = ledger.escrows.get(payer)
  if (!escrow) return new Purse(0n, 0n, 0n, 0n)
  const { balanceWei, redeemedWei, authorisedWei } = escrow
  const open = openCharge(ledger, payer)
  const reachWei = greatest(authorisedWei, open?.cumulativeWei ?? 0n)
  return new Purse(balanceWei - leavingWei, redeemedWei, open?.feeWei ?? 0n, reachWei)
}

/**
 * True where what stays in the payer's escrow, and a voucher, cover a job besides what is open. Its other jobs are not asked about:
 * nodes hear them in different orders, and would never agree on which of them are jobs at all.
 */
export function isFunded(ledger: Ledger, job: Job): boolean {
  const { leavingWei } = ledger.escrows.get(job.requester)!
  const purse = purseOf(ledger, job.requester, leavingWei)
  return maxFeeWei(job) > 0n && purse.missingWei(job) === 0n
}

/**
 * True where the payer can pay for this job beside its other open ones. Where it cannot pay for all, for money has left its
 * escrow since, those come first that somebody has done, then those with the lower digests. While a batch is posted whose data
 * has not been read, what it has settled would count twice, so the answer is that the job is covered.
 */
export function isCovered(ledger: Ledger, jobId: Hash): boolean {
  if (awaitsData(ledger)) return true
  const { requester } = ledger.jobs.get(jobId)!.body
  const jobs = [...ledger.jobs].filter(([, { body }]) => body.requester === requester)
  const purse = purseOf(ledger, requester)
  const isDone = (id: Hash): boolean => ledger.claims.has(id)
  const covered = jobs
    .sort(([a], [b]) => Number(isDone(b)) - Number(isDone(a)) || (a < b ? -1 : 1))
    .filter(([, { body }]) => purse.pay(body))
  return covered.some(([id]) => id === jobId)
}

function greatest(first: bigint, ...others: readonly bigint[]): bigint {
  let most = first
  for (const wei of others) if (wei > most) most = wei
  return most
}
