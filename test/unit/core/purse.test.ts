import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { turnOf } from '../../../coordinator-free/assignment.ts'
import { isCovered, Purse } from '../../../coordinator-free/purse.ts'
import { type Job, maxFeeWei } from '../../../protocol/job.ts'
import {
  addressNumber,
  block,
  council,
  GATEWAY,
  jobEnvelope,
  receive,
  tell,
  WORKERS,
} from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'

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

  it('is refused what goes beyond it, the same by all', () => {
    const jobs = [1, 2, 3, 4, 5].map((number) => jobEnvelope(number))
    const core = worker(3n)
    for (const one of jobs) receive(core, one)
    const covered = jobs.map(({ digest }) => digest).filter((id) => isCovered(core.ledger, id))
    deepEqual(
      [...covered].sort(),
      jobs
        .map(({ digest }) => digest)
        .sort()
        .slice(0, 3),
    )
  })

  it('is refused by the worker whose turn it is', () => {
    const core = worker(1n)
    const said = [1, 2, 3, 4, 5, 6].flatMap((number) =>
      receive(core, jobEnvelope(number)).flatMap((effect) => {
        if (effect.kind === 'execute') return ['execute']
        return effect.kind === 'publish' && effect.message.kind === 'refusal'
          ? [effect.message.body.reason]
          : []
      }),
    )
    ok(said.includes('unpaid'), said.join())
    const ours = [...core.ledger.jobs.keys()].filter(
      (jobId) => turnOf(core.ledger, jobId, NOW_MS)?.worker.node === addressNumber(self),
    )
    ok(ours.length > 1)
  })
})
