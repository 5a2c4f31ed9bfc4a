/** What a posted batch means to the ledger: its jobs are settled, or it was false and is taken back. */
import type { BatchHeader } from '../protocol/batch.ts'
import type { Hash } from '../protocol/hash.ts'
import { MAX_JOB_LIFETIME_MS } from '../protocol/params.ts'
import type { Receipt } from '../protocol/receipt.ts'
import type { BatchData } from '../protocol/settlement.ts'
import { forgetJob, forgetProposals } from './forgetting.ts'
import type { Ledger } from './ledger.ts'

/** Takes a posted batch's data to heart: its jobs are settled, and older proposals have become pointless. */
export function settle(ledger: Ledger, number: number, data: BatchData, nowMs: number): void {
  const batch = ledger.batches.get(number)
  ledger.batches.read(number, data)
  ledger.changes.ofChain()
  for (const receipt of data.receipts) {
    const { jobId } = receipt
    if (batch && !batch.final) keep(ledger, batch.header, receipt)
    ledger.settled.delete(jobId)
    ledger.settled.set(jobId, { batch: number, untilMs: nowMs + 2 * MAX_JOB_LIFETIME_MS })
    forgetJob(ledger, jobId)
  }
  forgetProposals(ledger, ({ number: proposed }) => proposed <= number)
}

/** Keeps what a jury would need to judge a claim by. */
function keep(
  ledger: Ledger,
  header: BatchHeader,
  { jobId, claim, passedBy, failedBy }: Receipt,
): void {
  const votes = [...(ledger.votes.get(claim)?.values() ?? [])]
  const fails = votes.filter(({ body }) => body.verdict === 'fail')
  const passes = votes.filter(({ body }) => body.verdict === 'pass')
  const opened = ledger.openings.get(claim)
  const openings = passedBy.flatMap((validator) => opened?.get(validator)?.envelope ?? [])
  ledger.disputes.claims.keep(claim, {
    jobId,
    header,
    job: ledger.jobs.get(jobId)?.envelope,
    claim: ledger.envelopes.get(claim),
    passes: passes.map(({ envelope }) => envelope),
    openings: openings.length === passedBy.length ? openings : [],
    saw: ledger.seen.get(claim),
    failedBy: new Set([...failedBy, ...fails.map(({ body }) => body.validator)]),
    checkedBy: new Set([...passedBy, ...failedBy, ...votes.map(({ body }) => body.validator)]),
  })
}

/**
 * A batch was taken back. Its jobs stay settled: two thirds of the stake stood for something false, and who paid for it
 * gets the money back and may order anew.
 */
export function takeBack(ledger: Ledger, number: number, hash: Hash, nowMs: number): void {
  const batch = ledger.batches.get(number)
  ledger.batches.delete(number)
  ledger.takenBack.add(hash)
  // Those behind it only built on it.
  if (batch && number === ledger.faulty) ledger.disputes.condemn(hash, batch, nowMs)
  if (batch) ledger.disputes.forget(batch.header)
  if (number <= ledger.faulty) ledger.faulty = 0
  ledger.faultyHeardAtMs = nowMs
  if (!batch?.data?.collects) return
  ledger.voided.set(hash, { header: batch.header, data: batch.data, heardAtMs: nowMs })
}
