import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { Core } from '../../../coordinator-free/node.ts'
import type { Reason } from '../../../coordinator-free/reason.ts'
import { reasonInWords, shareInWords } from '../../../coordinator-free/reason-words.ts'
import { payReasons, reasons, shareReason } from '../../../coordinator-free/reasons.ts'
import { type Attribution, weights } from '../../../protocol/attribution.ts'
import type { Address } from '../../../protocol/fields.ts'
import { LEASE_MS, VERDICT_WAIT_MS } from '../../../protocol/params.ts'
import type { Receipt } from '../../../protocol/receipt.ts'
import type { BatchData } from '../../../protocol/settlement.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  GATEWAY,
  jobEnvelope,
  receive,
  STRANGER,
  signed,
  tell,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { cidNumber, NOW_MS } from '../../harness/messages.ts'

const job = jobEnvelope(1)

/** Key numbers of the workers in the order of their turns. */
const ORDER = turnsOf(council(4), job.digest)

function known(self: number): Core {
  const core = council(self)
  receive(core, job)
  block(core, 10)
  return core
}

function about(core: Core, self: number, nowMs = NOW_MS): Reason[] {
  return reasons(core.ledger, addressNumber(self), job.digest, nowMs)
}

const codes = (found: readonly Reason[]): string[] => found.map(({ code }) => code)

describe('reasons for executing', () => {
  it('name the place in the order, and who has the turn', () => {
    const [first, second] = ORDER as [number, number, number]
    deepEqual(about(known(first), first), [{ code: 'has-turn', sinceMs: NOW_MS, place: 1, of: 3 }])
    deepEqual(about(known(second), second), [
      { code: 'waits-for-turn', behind: addressNumber(first), place: 2, of: 3 },
    ])
    deepEqual(about(known(4), 4), [{ code: 'no-worker' }])
    deepEqual(about(known(STRANGER), STRANGER), [{ code: 'no-worker' }])
    deepEqual(reasons(known(4).ledger, addressNumber(4), cidNumber(1) as never, NOW_MS), [])
  })

  it('tell a lost turn, and of what it was lost', () => {
    const [first, second] = ORDER as [number, number, number]
    const core = known(first)
    const laterMs = NOW_MS + LEASE_MS + 1
    deepEqual(about(core, first, laterMs), [
      {
        code: 'turn-lost',
        end: 'silent',
        sinceMs: NOW_MS,
        endMs: NOW_MS + LEASE_MS,
        place: 1,
        of: 3,
      },
    ])
    const [reason] = about(core, second, laterMs)
    ok(reason?.code === 'has-turn' && reason.sinceMs === NOW_MS + LEASE_MS)
  })

  it('tell everybody that all workers have refused it, and why', () => {
    const core = known(GATEWAY)
    for (const number of ORDER) {
      deepEqual(codes(about(core, GATEWAY)), ['no-worker'])
      const body = {
        ...{ jobId: job.digest, worker: addressNumber(number), issuedAtMs: NOW_MS },
        reason: 'order' as const,
      }
      receive(core, signed({ kind: 'refusal', body }, number))
    }
    const [, why] = about(core, GATEWAY)
    deepEqual(why, { code: 'refused-by-all', whys: ['order'] })
    equal(
      reasonInWords(why!, NOW_MS),
      'No worker takes the job: it cannot be done as it is ordered.',
    )
  })

  it('wait for the block that seeds the job, and end with its deadline', () => {
    const [first] = ORDER as [number, number, number]
    const young = council(first)
    receive(young, jobEnvelope(1, { seedBlock: 7 }))
    const jobId = [...young.ledger.jobs.keys()][0]!
    const at = (nowMs: number) => reasons(young.ledger, addressNumber(first), jobId, nowMs)[0]!
    const place = young.ledger.members
      .ranked('worker', 'execute', jobId)
      .findIndex(({ node }) => node === addressNumber(first))
    if (place === 0) deepEqual(at(NOW_MS), { code: 'seed-block-ahead', seedBlock: 7, head: 1 })
    const { deadlineMs } = young.ledger.jobs.get(jobId)!.body
    ok(['deadline-passed', 'turn-lost'].includes(at(deadlineMs + 1).code))
  })

  it("say that another's claim was accepted first", () => {
    const [first, second] = ORDER as [number, number, number]
    const core = known(second)
    const claim = claimEnvelope(job.digest, first)
    receive(core, claim)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator))
    deepEqual(about(core, second)[0], {
      code: 'turn-never-came',
      accepted: addressNumber(first),
      place: 2,
      of: 3,
    })
  })
})

describe('reasons for auditing', () => {
  it('name the seat, the vote, or the lot that fell on others', () => {
    const core = known(4)
    // Three more, of whom one belongs to the worker's owner.
    for (const number of [21, 22]) stakeValidator(core, number, addressNumber(number + 500))
    stakeValidator(core, 23, addressNumber(ORDER[0]! + 500))
    const claim = claimEnvelope(job.digest, ORDER[0]!)
    receive(core, claim)
    const found = [...VALIDATORS, 21, 22].map((self) => about(core, self)[1]!)
    equal(found.filter(({ code }) => code === 'vote-due').length, 3)
    const out = found.filter((reason) => reason.code === 'not-seated')
    deepEqual(out.map(({ place, of, seats }) => [place, of, seats]).sort(), [
      [4, 5, 3],
      [5, 5, 3],
    ])
    const worker = addressNumber(ORDER[0]!)
    deepEqual(about(core, 23)[1], { code: 'own-claim', claim: claim.digest, worker })
    equal(about(core, GATEWAY)[1]?.code, 'no-validator')
    const seated = found.findIndex(({ code }) => code === 'vote-due')
    const self = VALIDATORS[seated] ?? 21
    receive(core, voteEnvelope(claim, self, 'fail'))
    deepEqual(about(core, self)[1], {
      code: 'voted',
      claim: claim.digest,
      verdict: 'fail',
      why: 'tokens-differ',
      checked: 5,
    })
  })
})

describe('reasons for pay', () => {
  const [first] = ORDER as [number, number, number]

  it('name the votes that a claim has lost by, or still lacks', () => {
    const core = known(first)
    const claim = claimEnvelope(job.digest, first)
    receive(core, claim)
    deepEqual(codes(about(core, first)), ['claimed', 'no-verdict-yet'])
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator, 'fail'))
    const rejected = about(core, first)[1]
    ok(rejected?.code === 'claim-rejected')
    deepEqual(rejected.fails, ['tokens-differ', 'tokens-differ', 'tokens-differ'])
  })

  it('tell that the escrow does not cover the job any more', () => {
    const core = known(first)
    const claim = claimEnvelope(job.digest, first)
    receive(core, claim)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator))
    deepEqual(codes(about(core, first)), ['claimed'])
    const held = core.ledger.escrows.get(addressNumber(GATEWAY))!
    core.ledger.escrows.set(addressNumber(GATEWAY), { ...held, balanceWei: 1n })
    const [, short] = about(core, first)
    ok(short?.code === 'not-covered' && short.missingWei > 0n)
  })

  it('follow from the receipt, role by role', () => {
    const core = known(first)
    const claim = claimEnvelope(job.digest, first)
    receive(core, claim)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator))
    const [four, five, six] = VALIDATORS.map(addressNumber) as [Address, Address, Address]
    const receipt = {
      worker: addressNumber(first),
      claim: claim.digest,
      passedBy: [four],
      failedBy: [five],
      workerWei: 50n,
      validatorsWei: 10n,
      modelOwnerWei: 5n,
      adapter: cidNumber(9),
      units: 7,
    } as Partial<Receipt> as Receipt
    core.ledger.models.set(cidNumber(9), { owner: addressNumber(first + 500), base: cidNumber(8) })
    const paid = (self: Address) => payReasons(core.ledger, self, 3, receipt).slice(1)
    deepEqual(paid(addressNumber(first)), [
      { code: 'paid-as-worker', wei: 50n, units: 7 },
      { code: 'paid-as-model-owner', wei: 5n },
    ])
    deepEqual(paid(four), [{ code: 'paid-as-validator', wei: 4n, among: 1 }])
    deepEqual(paid(five), [{ code: 'outvoted', verdict: 'fail', passes: 1 }])
    deepEqual(paid(six), [{ code: 'vote-not-counted', claim: claim.digest }])
    deepEqual(paid(addressNumber(GATEWAY)), [])
  })

  it('tell a contributor how it stands to the threshold, as the payout does', () => {
    const share = fc.tuple(fc.integer({ min: -9000, max: 9000 }), fc.integer({ min: 1, max: 9 }))
    const answer = fc.tuple(share, fc.integer({ min: 1, max: 90_000 }), fc.nat(1000))
    fc.assert(
      fc.property(
        fc.array(answer, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 3000 }),
        (drawn, strictness) => {
          const account = addressNumber(1)
          const answers = drawn.map(([[score, rows], squares, feeWei]) => ({
            feeWei: BigInt(feeWei),
            contributorsWei: 100n,
            attribution: {
              shares: [{ contributor: account, rows, parts: [score, 0, 0, 0] }],
              decoys: 6,
              decoySquares: `${squares}`,
            } as Attribution,
          }))
          const pages = [[{ account, cumulativeWei: 1n }]]
          const data = { strictness, pages } as unknown as BatchData
          const reason = shareReason(data, undefined, cidNumber(1), answers, account)
          const isPaid = weights(answers, strictness).has(account)
          equal(reason.code, isPaid ? 'paid-as-contributor' : 'below-threshold')
          if (reason.code === 'paid-as-contributor') equal(reason.wei, 100n * BigInt(drawn.length))
          const full = { ...data, pages: [] }
          const { code } = shareReason(full, undefined, cidNumber(1), answers, account)
          equal(code, isPaid ? 'no-place' : 'below-threshold')
          if (!('strength' in reason) || reason.strength === undefined) return
          // Rounded down, so it may stand at the threshold itself and be paid.
          ok(isPaid ? reason.strength >= strictness : reason.strength <= strictness)
        },
      ),
    )
    const data = { strictness: 1300 } as BatchData
    const nobody = shareReason(data, undefined, cidNumber(1), [], addressNumber(2))
    deepEqual(nobody, { code: 'no-contributor' })
  })
})

describe('reasons in words', () => {
  it('hold the facts', () => {
    const [first] = ORDER as [number, number, number]
    const core = known(first)
    const [lost] = about(core, first, NOW_MS + VERDICT_WAIT_MS)
    const words = reasonInWords(lost!, NOW_MS)
    equal(
      words,
      'It had the turn, as number 1 of 3 by stake and lot, and lost it after 6.0 s: nothing was heard of it for longer than a lease.',
    )
    const facts = { answers: 2, rows: 31, strength: 812n, strictness: 1300 }
    equal(
      shareInWords({ code: 'below-threshold', ...facts }, '0xab'),
      '0xab was not paid as a contributor: over 2 answers its 31 rows stand at 0.81 deviations, the threshold at 1.30.',
    )
  })
})

function stakeValidator(core: Core, number: number, owner: Address): void {
  const node = addressNumber(number)
  tell(core, {
    kind: 'staked',
    blockNumber: 0,
    node,
    owner,
    roles: ['validator'],
    stakeWei: 10n ** 18n,
  })
}
