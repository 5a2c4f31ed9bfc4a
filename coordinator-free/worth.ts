/**
 * When what is due is worth its gas (rule G1): as soon as the transaction costs no more than a fiftieth of the fees that it
 * is about, and three minutes after it would have been due at the latest. Prices are those of the newest block as this node has
 * read them, so nobody can hold up anybody else by claiming others; where blocks tell of none, nothing waits.
 */
import type { BatchHeader } from '../protocol/batch.ts'
import { costWei, finaliseLoad, type Load, postLoad } from '../protocol/batch-cost.ts'
import { GAS_PARTS, GAS_WAIT_MS } from '../protocol/params.ts'
import type { PostedBatch } from './batches.ts'
import { openAfter } from './charges.ts'
import { type Ledger, lastBatch } from './ledger.ts'
import { feeOf, type Settled } from './payout.ts'

const LONG_AGO_MS = Number.NEGATIVE_INFINITY

export interface Bargain {
  readonly load: Load
  readonly fees: readonly Fee[]
  /** Until when it waits at the latest. */
  readonly lastMs: number
}

/** What somebody brings, and when that was known. */
export interface Fee {
  readonly feeWei: bigint
  readonly sinceMs: number
}

/**
 * Since when it has been worth its gas, or from when on it can wait no longer, as the newest block has it: turns count from
 * there. Long ago where it costs nothing, or nobody knows how much.
 */
export function worthSince({ prices }: Ledger, bargain: Bargain): number {
  const { load, fees, lastMs } = bargain
  const { newest } = prices
  if (!newest) return LONG_AGO_MS
  const grownMs = grownSince(fees, costWei(load, newest) * GAS_PARTS)
  if (grownMs === undefined) return lastMs
  const broughtWei = fees.reduce((sum, { feeWei }) => sum + feeWei, 0n)
  const cheapMs = prices.cheapSince((then) => costWei(load, then) * GAS_PARTS <= broughtWei)!
  return Math.min(lastMs, Math.max(grownMs, cheapMs))
}

/** Since when fees come to as much. */
function grownSince(fees: readonly Fee[], leastWei: bigint): number | undefined {
  let leftWei = leastWei
  for (const { feeWei, sinceMs } of fees.toSorted((a, b) => a.sinceMs - b.sinceMs)) {
    leftWei -= feeWei
    if (leftWei <= 0n) return sinceMs
  }
  return undefined
}

type Decided = Pick<Settled, 'job' | 'claim'> & { readonly decidedAtMs: number }

/** A batch of these claims after the newest, were it endorsed by all validators. */
export function proposalBargain(
  ledger: Ledger,
  claims: readonly Decided[],
  collects: boolean,
  dueMs: number,
): Bargain {
  const before = ledger.batches.get(lastBatch(ledger))
  const open = collects ? openAfter(before?.data) : []
  const owed = open.map(({ feeWei }) => ({ feeWei, sinceMs: before!.heardAtMs }))
  const fees = claims.map((one) => ({ feeWei: feeOf(one), sinceMs: one.decidedAtMs }))
  const payers = new Set(open.map(({ payer }) => payer))
  if (collects) for (const { job } of claims) payers.add(job.body.requester)
  const load = postLoad(ledger.members.withRole('validator').length, payers.size)
  return { load, fees: [...owed, ...fees], lastMs: dueMs + GAS_WAIT_MS }
}

/** A batch that is worked out, whose proposal was due then: from there on it may wait as long as that might have. */
export function postBargain(
  { feeWei, collectedWei }: BatchHeader,
  signatures: number,
  payers: number,
  dueMs: number,
): Bargain {
  // What it collects includes all that the ones before it have left open.
  const fees = [{ feeWei: collectedWei || feeWei, sinceMs: LONG_AGO_MS }]
  return { load: postLoad(signatures, payers), fees, lastMs: dueMs + GAS_WAIT_MS }
}

/** Batches whose windows are over; more of them may wait while the first that collects does. */
export function finaliseBargain(batches: readonly PostedBatch[]): Bargain {
  // Where there are more than one transaction takes, the one that collects comes with a later one.
  const collecting = batches.find(({ header }) => header.openWei === 0n) ?? batches.at(-1)!
  return {
    load: finaliseLoad(batches.length),
    fees: batches.map(({ header }) => ({ feeWei: header.collectedWei, sinceMs: LONG_AGO_MS })),
    lastMs: collecting.finalAtMs + GAS_WAIT_MS,
  }
}
