/**
 * What a batch pays. A function of the claims named in a proposal, the votes named for them, and the batch before:
 * every validator computes it for itself, and the contract needs to know only the roots.
 */
import { type Weighed, weights } from '../protocol/attribution.ts'
import type { Proposal } from '../protocol/batch.ts'
import { divide, splitFee, splitOf } from '../protocol/fee.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { ParameterValues } from '../protocol/parameters.ts'
import { AUDITORS } from '../protocol/params.ts'
import { MAX_PAYOUTS } from '../protocol/payouts.ts'
import type { Receipt } from '../protocol/receipt.ts'
import { type BatchData, MAX_CARRIES } from '../protocol/settlement.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS, nextStrictness } from '../protocol/threshold.ts'
import { openAfter } from './charges.ts'
import type { Fact, Ledger } from './ledger.ts'
import { Newcomers } from './newcomers.ts'
import { Owed } from './owed.ts'

/** What the deployment fixes. */
export interface PayoutRules {
  /** Account of the treasury. */
  readonly treasury: Address
  /** The StakeVault, which divides what it is paid among all who stake. */
  readonly stakers: Address
  /** Gives equal data one identity; the simulator works each batch out but once for all its nodes. */
  readonly intern?: (data: BatchData) => BatchData
}

/** One claim to settle, with the votes that count for it. */
export interface Settled {
  readonly job: Fact<'job'>
  readonly claim: Fact<'claim'>
  readonly votes: readonly Fact<'vote'>[]
}

/** What the requester pays for a claim. */
export function feeOf({ job, claim }: Pick<Settled, 'job' | 'claim'>): bigint {
  const { maxUnits, unitWei } = job.body
  return BigInt(Math.min(claim.body.units, maxUnits)) * unitWei
}

function receiptOf(
  { job, claim, votes }: Settled,
  owner: Address | undefined,
  governed: ParameterValues,
): Receipt {
  const { requester, task, model, adapter } = job.body
  const { worker, output, attribution, units } = claim.body
  const feeWei = feeOf({ job, claim })
  const parts = splitFee(feeWei, splitOf(task, governed))
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
    stakersWei: parts.stakersWei,
    treasuryWei:
      parts.treasuryWei +
      (parts.modelOwnerWei - modelOwnerWei) +
      (parts.contributorsWei - contributorsWei),
  }
}

/**
 * The data of the next batch; `undefined` while an attribution that it needs has not been read. A fee is split as governed
 * in the epoch of its job's signature; the threshold is that of the batch's epoch.
 */
export function batchData(
  ledger: Ledger,
  rules: PayoutRules,
  { proposer, number, previous, epoch, collects }: Proposal,
  settled: readonly Settled[],
): BatchData | undefined {
  const receipts = settled.map((one) => {
    const { adapter, issuedAtMs } = one.job.body
    const owner = adapter === '' ? undefined : ledger.models.get(adapter)?.owner
    const governed = ledger.parameters.valuesAt(ledger.parameters.epochAt(issuedAtMs))
    return receiptOf(one, owner, governed)
  })
  const before = ledger.batches.get(number - 1)?.data
  const threshold = thresholdAt(before, epoch, ledger.parameters.valuesAt(epoch))
  const owed = new Owed(before?.pages ?? [])
  const carries = new Map<Cid, bigint>(before?.carries.map(({ adapter, wei }) => [adapter, wei]))
  for (const receipt of receipts) payRoles(ledger, rules, receipt, owed)
  const paid = payContributors(ledger, rules, threshold.strictness, receipts, owed, carries)
  if (!paid) return undefined
  return {
    number,
    previous,
    epoch,
    proposer,
    collects,
    strictness: threshold.strictness,
    answers: atMostUint32(threshold.answers + paid.answers),
    payees: atMostUint32(threshold.payees + paid.payees),
    charges: openCharges(before, settled, receipts),
    receipts,
    pages: owed.pages(),
    carries: ascending(carries).map(([adapter, wei]) => ({ adapter, wei })),
  }
}

/**
 * Worker, validators, model owner and treasury. A node's pay goes to its owner; what an account would get that the tree has no
 * place for any more, the treasury gets.
 */
function payRoles(ledger: Ledger, rules: PayoutRules, receipt: Receipt, owed: Owed): void {
  let leftWei = receipt.treasuryWei
  const payRole = (account: Address, wei: bigint): void => {
    if (owed.has(account) || owed.count < ROLE_PLACES) owed.pay(account, wei)
    else leftWei += wei
  }
  const ownerOf = (node: Address): Address => ledger.members.get(node)?.owner ?? node
  payRole(ownerOf(receipt.worker), receipt.workerWei)
  const shares = validatorShares(receipt.validatorsWei, receipt.passedBy.length)
  for (const [index, node] of receipt.passedBy.entries()) payRole(ownerOf(node), shares[index]!)
  leftWei += shares.reduce((left, wei) => left - wei, receipt.validatorsWei)
  if (receipt.modelOwnerWei > 0n) {
    payRole(ledger.models.get(receipt.adapter as Cid)!.owner, receipt.modelOwnerWei)
  }
  owed.pay(rules.stakers, receipt.stakersWei)
  owed.pay(rules.treasury, leftWei)
}

/**
 * What each of so many validators gets, in the order of their addresses: the pay of its own seat. What a seat would have
 * earned whose vote does not count is nobody's gain, so it is the treasury's.
 */
export function validatorShares(validatorsWei: bigint, count: number): bigint[] {
  const seats = Array.from({ length: Math.max(count, AUDITORS) }, () => 1n)
  return divide(validatorsWei, seats).slice(0, count)
}

/** An answer whose contributors are to be paid. */
export interface Weighable extends Weighed {
  readonly contributorsWei: bigint
}

/** Who gets what of an adapter's pool: what its answers pay, and what was carried on. */
export function contributorsPaid(
  answers: readonly Weighable[],
  carriedWei: bigint,
  strictness: number,
): { readonly totalWei: bigint; readonly paid: [Address, bigint][] } {
  const totalWei = answers.reduce((sum, answer) => sum + answer.contributorsWei, carriedWei)
  const clear = [...weights(answers, strictness)]
  const amounts = divide(
    totalWei,
    clear.map(([, weight]) => weight),
  )
  return { totalWei, paid: clear.map(([who], index) => [who, amounts[index]!]) }
}

/**
 * Contributors of each adapter by signed totals over the batch. What nobody clears the floor for is carried on, and so is the
 * part of whom the pages have no place for. Tells how many answers were weighed and how many contributors paid, each counted
 * once an answer.
 */
function payContributors(
  ledger: Ledger,
  rules: PayoutRules,
  strictness: number,
  receipts: readonly Receipt[],
  owed: Owed,
  carries: Map<Cid, bigint>,
): Payees | undefined {
  const paid = { answers: 0, payees: 0 }
  const newcomers = new Newcomers()
  const carry = (adapter: Cid, wei: bigint): void => {
    const held = carries.get(adapter)
    if (held === undefined && carries.size >= MAX_CARRIES) owed.pay(rules.treasury, wei)
    else if (wei > 0n) carries.set(adapter, (held ?? 0n) + wei)
  }
  for (const [adapter, answers] of byAdapter(receipts)) {
    const weighed = answers.flatMap(({ claim, feeWei, contributorsWei }) => {
      const attribution = ledger.attributions.get(claim)
      return attribution ? [{ feeWei, contributorsWei, attribution }] : []
    })
    if (weighed.length < answers.length) return undefined
    const pool = contributorsPaid(weighed, carries.get(adapter) ?? 0n, strictness)
    carries.delete(adapter)
    for (const [who, amountWei] of pool.paid) {
      if (owed.has(who)) owed.pay(who, amountWei)
      else newcomers.add(who, adapter, amountWei)
    }
    if (pool.paid.length === 0) carry(adapter, pool.totalWei)
    paid.answers += answers.length
    paid.payees += answers.length * pool.paid.length
  }
  newcomers.settle(owed, carry)
  return paid
}

/** Answers whose contributors are to be paid. */
function byAdapter(receipts: readonly Receipt[]): ReadonlyMap<Cid, readonly Receipt[]> {
  const answers = receipts.filter(({ task, adapter }) => task === 'inference' && adapter !== '')
  return Map.groupBy(answers, ({ adapter }) => adapter as Cid)
}

interface Payees {
  readonly answers: number
  readonly payees: number
}

/** The threshold of an epoch: the first batch of an epoch moves it by what the last one's answers paid. */
function thresholdAt(
  before: BatchData | undefined,
  epoch: number,
  governed: ParameterValues,
): Payees & { readonly strictness: number } {
  if (!before) return { strictness: INITIAL_STRICTNESS_THOUSANDTHS, answers: 0, payees: 0 }
  const { strictness, answers, payees } = before
  if (epoch === before.epoch) return { strictness, answers, payees }
  return {
    strictness: nextStrictness(strictness, payees, answers, governed),
    ...{ answers: 0, payees: 0 },
  }
}

/** What is open before the batch, and what its own jobs cost, each payer with the voucher that reaches furthest. */
function openCharges(
  before: BatchData | undefined,
  settled: readonly Settled[],
  receipts: readonly Receipt[],
): BatchData['charges'] {
  const charges = new Map(openAfter(before).map((charge) => [charge.payer, charge]))
  for (const [index, { job }] of settled.entries()) {
    const { requester: payer, voucherWei, voucherSignature } = job.body
    const { feeWei } = receipts[index]!
    const held = charges.get(payer)
    const voucher =
      held && held.cumulativeWei >= voucherWei
        ? { cumulativeWei: held.cumulativeWei, signature: held.signature }
        : { cumulativeWei: voucherWei, signature: voucherSignature }
    charges.set(payer, { payer, feeWei: (held?.feeWei ?? 0n) + feeWei, ...voucher })
  }
  return ascending(charges).map(([, charge]) => charge)
}

function atMostUint32(count: number): number {
  return Math.min(count, 2 ** 32 - 1)
}

/** Besides those who are always named: the treasury and the stakers. */
const ROLE_PLACES = MAX_PAYOUTS - 2

function voters(votes: readonly Fact<'vote'>[], verdict: 'pass' | 'fail'): Address[] {
  return votes
    .filter(({ body }) => body.verdict === verdict)
    .map(({ body }) => body.validator)
    .sort()
}

function ascending<K extends string, V>(map: Map<K, V>): [K, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
