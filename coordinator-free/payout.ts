/**
 * What a batch pays. A function of the claims named in a proposal, the votes named for them, and the batch before:
 * every validator computes it for itself, and the contract needs to know only the roots.
 */
import { weights } from '../protocol/attribution.ts'
import { divide, SPLIT_BPS, splitFee } from '../protocol/fee.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Receipt } from '../protocol/receipt.ts'
import type { BatchData } from '../protocol/settlement.ts'
import type { Fact, Ledger } from './ledger.ts'

export interface PayoutRules {
  /** Account of the treasury. */
  readonly treasury: Address
  /** Tenths of a standard deviation of noise that a contributor's value must exceed. */
  readonly strictnessTenths: number
}

/** One claim to settle, with the votes that count for it. */
export interface Settled {
  readonly job: Fact<'job'>
  readonly claim: Fact<'claim'>
  readonly votes: readonly Fact<'vote'>[]
}

function receiptOf({ job, claim, votes }: Settled, owner: Address | undefined): Receipt {
  const { requester, task, model, adapter, maxUnits, unitWei } = job.body
  const { worker, output, attribution, units } = claim.body
  const feeWei = BigInt(Math.min(units, maxUnits)) * unitWei
  const parts = splitFee(feeWei, SPLIT_BPS[task])
  // Nobody owns a bare base model here, and it has no contributors: their parts fall to the treasury.
  const orphaned =
    adapter === '' || owner === undefined
      ? {
          modelOwnerWei: 0n,
          contributorsWei: adapter === '' ? 0n : parts.contributorsWei,
        }
      : parts
  const { modelOwnerWei, contributorsWei } = orphaned
  return {
    jobId: job.envelope.digest,
    task,
    requester,
    worker,
    claim: claim.envelope.digest,
    passedBy: voters(votes, 'pass'),
    failedBy: voters(votes, 'fail'),
    model,
    adapter,
    output,
    attribution,
    units,
    feeWei,
    workerWei: parts.workerWei,
    validatorsWei: parts.validatorsWei,
    modelOwnerWei,
    contributorsWei,
    treasuryWei: feeWei - parts.workerWei - parts.validatorsWei - modelOwnerWei - contributorsWei,
  }
}

/** The data of the next batch; `undefined` while an attribution that it needs has not been read. */
export function batchData(
  ledger: Ledger,
  rules: PayoutRules,
  number: number,
  previous: Hash,
  settled: readonly Settled[],
): BatchData | undefined {
  const receipts = settled.map((one) =>
    receiptOf(
      one,
      one.job.body.adapter === '' ? undefined : ledger.modelOwners.get(one.job.body.adapter),
    ),
  )
  const before = ledger.batches.get(number - 1)?.data
  const owed = new Map<Address, bigint>(
    before?.payouts.map(({ account, cumulativeWei }) => [account, cumulativeWei]),
  )
  const carries = new Map<Cid, bigint>(before?.carries.map(({ adapter, wei }) => [adapter, wei]))
  for (const receipt of receipts) payRoles(ledger, rules, receipt, owed)
  if (!payContributors(ledger, rules, receipts, owed, carries)) return undefined
  return {
    number,
    previous,
    receipts,
    payouts: ascending(owed).map(([account, cumulativeWei]) => ({ account, cumulativeWei })),
    carries: ascending(carries).map(([adapter, wei]) => ({ adapter, wei })),
  }
}

/** Worker, validators, model owner and treasury. A node's pay goes to its owner. */
function payRoles(
  ledger: Ledger,
  rules: PayoutRules,
  receipt: Receipt,
  owed: Map<Address, bigint>,
): void {
  const ownerOf = (node: Address): Address => ledger.members.get(node)?.owner ?? node
  pay(owed, ownerOf(receipt.worker), receipt.workerWei)
  pay(owed, rules.treasury, receipt.treasuryWei)
  const shares = divide(
    receipt.validatorsWei,
    receipt.passedBy.map(() => 1n),
  )
  for (const [index, node] of receipt.passedBy.entries()) pay(owed, ownerOf(node), shares[index]!)
  if (receipt.modelOwnerWei > 0n) {
    pay(owed, ledger.modelOwners.get(receipt.adapter as Cid)!, receipt.modelOwnerWei)
  }
}

/** Contributors of each adapter by signed totals over the batch; what nobody clears the floor for is carried on. */
function payContributors(
  ledger: Ledger,
  rules: PayoutRules,
  receipts: readonly Receipt[],
  owed: Map<Address, bigint>,
  carries: Map<Cid, bigint>,
): boolean {
  const byAdapter = new Map<Cid, Receipt[]>()
  for (const receipt of receipts) {
    if (receipt.adapter === '' || receipt.task !== 'inference') continue
    byAdapter.set(receipt.adapter, [...(byAdapter.get(receipt.adapter) ?? []), receipt])
  }
  for (const [adapter, answers] of byAdapter) {
    const weighed = answers.flatMap(({ claim, feeWei }) => {
      const attribution = ledger.attributions.get(claim)
      return attribution ? [{ feeWei, attribution }] : []
    })
    if (weighed.length < answers.length) return false
    const pool = answers.reduce((sum, { contributorsWei }) => sum + contributorsWei, 0n)
    const total = pool + (carries.get(adapter) ?? 0n)
    const clear = [...weights(weighed, rules.strictnessTenths)]
    const amounts = divide(
      total,
      clear.map(([, weight]) => weight),
    )
    for (const [index, [who]] of clear.entries()) pay(owed, who, amounts[index]!)
    if (clear.length > 0) carries.delete(adapter)
    else if (total > 0n) carries.set(adapter, total)
  }
  return true
}

function pay(owed: Map<Address, bigint>, account: Address, wei: bigint): void {
  if (wei > 0n) owed.set(account, (owed.get(account) ?? 0n) + wei)
}

function voters(votes: readonly Fact<'vote'>[], verdict: 'pass' | 'fail'): Address[] {
  return votes
    .filter(({ body }) => body.verdict === verdict)
    .map(({ body }) => body.validator)
    .sort()
}

function ascending<K extends string, V>(map: Map<K, V>): [K, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
