/**
 * What a node does that holds as many open jobs as it may: one that pays more takes the place of the one that pays least and that
 * nobody has begun. So whoever would fill all nodes with jobs has to outbid those that are meant, with money for all of its own.
 */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { type Job, maxFeeWei } from '../protocol/job.ts'
import { MAX_OPEN_JOBS } from '../protocol/params.ts'
import { forgetJob } from './forgetting.ts'
import type { Ledger } from './ledger.ts'
import { type Purse, purseOf } from './purse.ts'

/** True where there is room for the job, or room can be made. */
export function hasPlaceFor(ledger: Ledger, job: Job): boolean {
  return ledger.jobs.size < MAX_OPEN_JOBS || outbid(ledger, job) !== undefined
}

export function makeRoomFor(ledger: Ledger, job: Job): void {
  if (ledger.jobs.size < MAX_OPEN_JOBS) return
  const least = outbid(ledger, job)
  if (least) forgetJob(ledger, least)
}

/**
 * The job that goes first: of those that nobody has begun one that its payer cannot pay beside its others, or else the one that
 * pays least, where that is less than this one pays.
 */
function outbid(ledger: Ledger, job: Job): Hash | undefined {
  const { jobs, claims, beats } = ledger
  const purses = new Map<Address, Purse>()
  const isPaid = (body: Job): boolean => {
    const purse = purses.get(body.requester) ?? purseOf(ledger, body.requester)
    purses.set(body.requester, purse)
    return purse.pay(body)
  }
  let [least, leastWei] = [undefined as Hash | undefined, maxFeeWei(job)]
  let unpaid: Hash | undefined
  for (const [id, { body }] of jobs) {
    const isBegun = claims.has(id) || beats.has(id)
    if (!isPaid(body) && !isBegun) unpaid ??= id
    const feeWei = maxFeeWei(body)
    if (feeWei < leastWei && !isBegun) [least, leastWei] = [id, feeWei]
  }
  // What cannot be paid beside the others takes nobody's place.
  return isPaid(job) ? (unpaid ?? least) : undefined
}
