/**
 * What a node does that holds as many open jobs as it may: one that pays more takes the place of the one that pays least and that
 * nobody has begun. So whoever would fill all nodes with jobs has to outbid those that are meant.
 */
import type { Hash } from '../protocol/hash.ts'
import { type Job, maxFeeWei } from '../protocol/job.ts'
import { MAX_OPEN_JOBS } from '../protocol/params.ts'
import { forgetJob } from './forgetting.ts'
import type { Ledger } from './ledger.ts'

/** True where there is room for the job, or room can be made. */
export function hasPlaceFor(ledger: Ledger, job: Job): boolean {
  return ledger.jobs.size < MAX_OPEN_JOBS || outbid(ledger, job) !== undefined
}

export function makeRoomFor(ledger: Ledger, job: Job): void {
  if (ledger.jobs.size < MAX_OPEN_JOBS) return
  const least = outbid(ledger, job)
  if (least) forgetJob(ledger, least)
}

/** The job that pays least of those that nobody has begun, where that is less than this one pays. */
function outbid({ jobs, claims, beats }: Ledger, job: Job): Hash | undefined {
  let [least, leastWei] = [undefined as Hash | undefined, maxFeeWei(job)]
  for (const [id, { body }] of jobs) {
    const feeWei = maxFeeWei(body)
    if (feeWei < leastWei && !claims.has(id) && !beats.has(id)) [least, leastWei] = [id, feeWei]
  }
  return least
}
