import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { turnOf } from '../../../coordinator-free/assignment.ts'
import { makeRoomFor } from '../../../coordinator-free/crowding.ts'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { isCovered, Purse } from '../../../coordinator-free/purse.ts'
import { type Job, maxFeeWei } from '../../../protocol/job.ts'
import { MAX_JOB_LIFETIME_MS, MAX_OPEN_JOBS, VERDICT_WAIT_MS } from '../../../protocol/params.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  GATEWAY,
  jobEnvelope,
  openingEnvelope,
  reasonFor,
  receive,
  STRANGER,
  signed,
  tell,
  VALIDATORS,
  voteEnvelope,
  WORKERS,
} from '../../harness/council.ts'
import { jobNumber, MESSAGES, NOW_MS, VOUCHERS } from '../../harness/messages.ts'

const FEE_WEI = maxFeeWei({ maxUnits: 64, unitWei: 10n ** 12n })

const job = (feeWei: bigint, voucherWei: bigint): Job =>
  ({ maxUnits: 1, unitWei: feeWei, voucherWei }) as Job

/** Jobs of one payer, each signed with a voucher over all before it: what an honest gateway does. */
const honest = fc
  .array(fc.bigInt({ min: 1n, max: 1000n }), { minLength: 1, maxLength: 8 })
  .map((fees) => {
    let sum = 0n
    return fees.map((fee) => {
      sum += fee
      return job(fee, sum)
    })
  })

describe('a purse', () => {
  it('pays all jobs of an honest payer, in whatever order they are settled', () => {
    const drawn = honest.chain((jobs) =>
      fc.tuple(fc.constant(jobs), fc.shuffledSubarray(jobs, { minLength: jobs.length })),
    )
    fc.assert(
      fc.property(drawn, ([jobs, shuffled]) => {
        const all = jobs.at(-1)!.voucherWei
        const purse = new Purse(all, 0n, 0n, 0n)
        ok(shuffled.every((one) => purse.pay(one)))
        equal(purse.pay(job(1n, all)), false)
      }),
    )
  })

  it('never sets aside more than there is, or than was promised', () => {
    const any = fc.array(fc.tuple(fc.bigInt(1n, 50n), fc.bigInt(0n, 200n)), { maxLength: 10 })
    fc.assert(
      fc.property(any, fc.bigInt(0n, 200n), fc.bigInt(0n, 50n), (drawn, balance, redeemed) => {
        const purse = new Purse(balance, redeemed, 0n, 0n)
        const paid = drawn
          .map(([fee, voucher]) => job(fee, voucher))
          .filter((one) => purse.pay(one))
        const spent = paid.reduce((sum, one) => sum + maxFeeWei(one), 0n)
        ok(paid.length === 0 || paid.some(({ voucherWei }) => redeemed + spent <= voucherWei))
        ok(spent <= balance)
      }),
    )
  })
})

describe('a payer who orders more than it can pay', () => {
  const self = WORKERS[0]

  /** The gateway of the council has put aside enough for `count` jobs; each job here is worth one. */
  function worker(count: bigint) {
    const core = council(self)
    const held = { balanceWei: count * FEE_WEI, leavingWei: 0n, redeemedWei: 0n }
    const payer = addressNumber(GATEWAY)
    tell(core, { kind: 'escrowed', blockNumber: 1, payer, ...held, authorisedWei: 10n ** 18n })
    block(core, 10)
    return core
  }

  const payer = addressNumber(GATEWAY)
  const holds = (core: Core, count: bigint, leaving = 0n) => {
    const left = { balanceWei: count * FEE_WEI, leavingWei: leaving * FEE_WEI, redeemedWei: 0n }
    return tell(core, {
      ...{ kind: 'escrowed', blockNumber: 2, payer, ...left },
      authorisedWei: 10n ** 18n,
    })
  }
  const jobs = [1, 2, 3, 4, 5, 6].map((number) => jobEnvelope(number))
  const saidOf = (effects: readonly Effect[]) =>
    effects.flatMap((effect) => {
      if (effect.kind === 'execute') return ['execute']
      const isRefusal = effect.kind === 'publish' && effect.message.kind === 'refusal'
      return isRefusal ? [(effect.message.body as { reason: string }).reason] : []
    })

  it('has its jobs admitted, in whatever order they come, and those refused that go beyond it, the same by all', () => {
    const covered = (core: Core) =>
      jobs.map(({ digest }) => digest).filter((id) => isCovered(core.ledger, id))
    const [one, other] = [worker(3n), worker(3n)]
    for (const { bytes } of jobs) equal(reasonFor(one, bytes), 'admitted')
    for (const { bytes } of jobs.toReversed()) equal(reasonFor(other, bytes), 'admitted')
    equal(covered(one).length, 3)
    deepEqual(covered(one), covered(other))
  })

  it('has none admitted that what stays in its escrow does not cover', () => {
    const core = worker(3n)
    holds(core, 3n, 3n)
    equal(reasonFor(core, jobs[0]!.bytes), 'unfunded')
    holds(core, 4n, 3n)
    equal(reasonFor(core, jobs[0]!.bytes), 'admitted')
  })

  it('has none admitted that pay nothing', () => {
    const core = worker(3n)
    equal(reasonFor(core, jobEnvelope(7, { unitWei: 0n }).bytes), 'unfunded')
  })

  it('is refused by the worker whose turn it is, where its money has gone since', () => {
    const core = council(self)
    holds(core, 6n)
    const later = [1, 2, 3, 4, 5, 6].map((number) => jobEnvelope(number, { seedBlock: 5 }))
    for (const one of later) receive(core, one)
    holds(core, 1n)
    const said = saidOf(block(core, 10))
    ok(said.includes('unpaid'), said.join())
    const ours = [...core.ledger.jobs.keys()].filter(
      (jobId) => turnOf(core.ledger, jobId, NOW_MS)?.worker.node === addressNumber(self),
    )
    ok(ours.length > 1)
  })

  it('pays for what was done before what was not, the same for all', () => {
    const core = worker(6n)
    for (const one of jobs) receive(core, one)
    const digests = jobs.map(({ digest }) => digest).sort()
    const covered = () => digests.filter((id) => isCovered(core.ledger, id))
    holds(core, 2n)
    deepEqual(covered(), digests.slice(0, 2))
    receive(core, claimEnvelope(digests[5]!, WORKERS[1]))
    deepEqual(covered(), [digests[0], digests[5]])
  })

  it('has what is accepted and cannot be paid forgotten in the end', () => {
    const core = council(VALIDATORS[0])
    receive(core, jobs[0]!)
    const claim = claimEnvelope(jobs[0]!.digest, WORKERS[0])
    receive(core, claim)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator))
    for (const validator of VALIDATORS) receive(core, openingEnvelope(claim, validator))
    holds(core, 0n)
    const { deadlineMs } = core.ledger.jobs.get(jobs[0]!.digest)!.body
    const lastMs = deadlineMs + VERDICT_WAIT_MS + MAX_JOB_LIFETIME_MS
    core.handle({ kind: 'tick' }, lastMs)
    equal(core.ledger.jobs.size, 1)
    core.handle({ kind: 'tick' }, lastMs + 1)
    equal(core.ledger.jobs.size, 0)
  })
})

describe('a node with as many jobs as it holds', () => {
  const cheap = (number: number) =>
    signed({ kind: 'job', body: jobNumber(1000 + number, GATEWAY, { unitWei: 1n }) }, GATEWAY)

  it('lets one that pays more take the place of one that pays least and is not begun', () => {
    const core = council(VALIDATORS[0], {
      gate: { messages: MESSAGES, vouchers: VOUCHERS, recover: () => addressNumber(GATEWAY) },
    })
    for (let number = 0; number < MAX_OPEN_JOBS; number++) {
      const envelope = cheap(number)
      const body = jobNumber(1000 + number, GATEWAY, { unitWei: 1n })
      core.ledger.jobs.set(envelope.digest, {
        envelope,
        body,
        arrivedAtMs: NOW_MS,
        arrivedAtBlock: 1,
      })
    }
    const [first, second] = [...core.ledger.jobs.keys()]
    core.ledger.claims.set(first!, new Map())
    equal(reasonFor(core, cheap(MAX_OPEN_JOBS).bytes), 'full')
    const dear = jobEnvelope(1)
    equal(reasonFor(core, dear.bytes), 'admitted')
    equal(core.ledger.jobs.size, MAX_OPEN_JOBS)
    ok(core.ledger.jobs.has(first!) && core.ledger.jobs.has(dear.digest))
    equal(core.ledger.jobs.has(second!), false)
    // What cannot be paid beside the others takes nobody's place, and goes before what pays less.
    const { ledger } = core
    const common = { leavingWei: 0n, redeemedWei: 0n, authorisedWei: 10n ** 18n }
    const holds = (number: number, balanceWei: bigint) => {
      const payer = addressNumber(number)
      tell(core, { kind: 'escrowed', blockNumber: 2, payer, ...common, balanceWei })
    }
    holds(GATEWAY, FEE_WEI)
    equal(reasonFor(core, jobEnvelope(2).bytes), 'full')
    holds(STRANGER, FEE_WEI)
    makeRoomFor(ledger, jobNumber(1, STRANGER))
    equal(ledger.jobs.has(dear.digest), false)
  }).timeout(60_000)
})
