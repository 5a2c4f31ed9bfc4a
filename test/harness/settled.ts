/** Batches with receipts of settled claims, as the core of one node hears of them. */
import type { Duty, Effect } from '../../coordinator-free/events.ts'
import type { Core } from '../../coordinator-free/node.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { ZERO_HASH } from '../../protocol/hash.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import { type BatchData, headerOf } from '../../protocol/settlement.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import { addressNumber, claimEnvelope, GATEWAY, jobEnvelope, tell, VALIDATORS } from './council.ts'
import { cidNumber, hashNumber, NOW_MS } from './messages.ts'

export const WINDOW_MS = 60_000

export type Work = { readonly job: Envelope; readonly claim: Envelope }

export function workNumber(number: number): Work {
  const job = jobEnvelope(number)
  return { job, claim: claimEnvelope(job.digest, 1) }
}

export function receiptOf({ job, claim }: Work, change: Partial<Receipt> = {}): Receipt {
  const nothing = { workerWei: 0n, validatorsWei: 0n, modelOwnerWei: 0n, contributorsWei: 0n }
  return {
    ...{ jobId: job.digest, task: 'inference', requester: addressNumber(GATEWAY) },
    ...{ worker: addressNumber(1), claim: claim.digest, passedBy: [], failedBy: [] },
    ...{ model: cidNumber(1), adapter: cidNumber(2), output: cidNumber(3) },
    ...{ attribution: hashNumber(2), units: 10, feeWei: 0n, ...nothing },
    ...{ stakersWei: 0n, treasuryWei: 0n, ...change },
  }
}

export function dataOf(number: number, receipts: readonly Receipt[]): BatchData {
  const empty = { pages: [], carries: [], charges: [] }
  return {
    ...{
      number,
      previous: ZERO_HASH,
      epoch: 1,
      proposer: addressNumber(VALIDATORS[1]),
      collects: true,
    },
    ...{ strictness: INITIAL_STRICTNESS_THOUSANDTHS, answers: 0, payees: 0, ...empty },
    receipts: [...receipts],
  }
}

/** Tells the core of a posted batch with these receipts, and of its data unless that cannot be had. */
export function posted(
  core: Core,
  receipts: readonly Receipt[],
  number = 1,
  isHad = true,
): BatchHeader {
  const data = dataOf(number, receipts)
  const header = headerOf(data)
  const [finalAtMs, txHash] = [NOW_MS + WINDOW_MS, hashNumber(70)]
  tell(core, { kind: 'batch-posted', blockNumber: 2, header, finalAtMs, txHash })
  if (isHad) core.handle({ kind: 'batch-read', number, data }, NOW_MS)
  return header
}

export function dutiesOf<K extends Duty['kind']>(effects: readonly Effect[], kind: K) {
  return effects.filter((effect): effect is Extract<Duty, { kind: K }> => effect.kind === kind)
}

export function due<K extends Duty['kind']>(core: Core, kind: K, nowMs: number) {
  return dutiesOf(core.handle({ kind: 'tick' }, nowMs), kind)
}
