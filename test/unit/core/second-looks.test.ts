import { deepEqual, equal } from 'node:assert/strict'
import { failedBefore, seatsOf, standingOf } from '../../../coordinator-free/committee.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import type { Envelope } from '../../../protocol/envelope.ts'
import { LATE_VOTE_MS, SEAT_WAIT_MS, VERDICT_WAIT_MS } from '../../../protocol/params.ts'
import type { Task } from '../../../protocol/receipt.ts'
import type { Verdict } from '../../../protocol/vote.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  receive,
  stake,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'
import { due } from '../../harness/settled.ts'

const MANY = [...VALIDATORS, 20, 21, 22, 23]

/** A core of one of so many validators that has heard of a claim. */
function audited(self: number, task: Task, validators: readonly number[] = MANY) {
  const core = council(self)
  for (const number of validators.slice(VALIDATORS.length)) stake(core, number, ['validator'])
  block(core, 2)
  const job = jobEnvelope(1, { task, adapter: '' })
  receive(core, job)
  const claim = claimEnvelope(job.digest, turnsOf(core, job.digest)[0]!)
  receive(core, claim)
  block(core, 3)
  const order = seatsOf(core.ledger, factOf(core, claim), NOW_MS).order.map(({ node }) => {
    return validators.find((number) => addressNumber(number) === node)!
  })
  return { core, claim, order }
}

function factOf({ ledger }: Core, { digest, message }: Envelope) {
  if (message.kind !== 'claim') throw new TypeError('a claim')
  const claims = ledger.claims.get(message.body.jobId)!
  return [...claims.values()].find(({ envelope }) => envelope.digest === digest)!
}

/** How a claim stands after verdicts by seat, each so long after the one before. */
function standing(task: Task, verdicts: readonly Verdict[], validators = MANY, apartMs = 0) {
  const { core, claim, order } = audited(VALIDATORS[0], task, validators)
  for (const [place, verdict] of verdicts.entries()) {
    receive(core, voteEnvelope(claim, order[place]!, verdict), NOW_MS + place * apartMs)
  }
  return standingOf(core.ledger, factOf(core, claim), NOW_MS)
}

describe('auditors of a fine-tune who disagree', () => {
  const [P, F] = ['pass', 'fail'] as const

  it('are joined by two who decide, for each has seen another part of it', () => {
    const { status, complete } = standing('fine-tune', [P, P, F])
    deepEqual([status, complete], ['open', false])
    equal(standing('fine-tune', [P, P, F, F]).status, 'open')
    equal(standing('fine-tune', [P, P, F, F, F]).status, 'rejected')
    equal(standing('fine-tune', [P, P, F, P]).status, 'accepted')
    equal(standing('fine-tune', [F, P, P, F]).status, 'open')
    equal(standing('fine-tune', [F, P, P, F, P]).status, 'accepted')
  })

  it('are not where two of them failed it: that is enough', () => {
    equal(standing('fine-tune', [F, F, P]).status, 'rejected')
    equal(standing('fine-tune', [F, F, P, P, P]).status, 'rejected')
    equal(standing('fine-tune', [F, P, F, P, P]).status, 'rejected')
  })

  it('are not where one fails it long after two have passed it: a batch may be on its way', () => {
    equal(standing('fine-tune', [P, P, F], MANY, LATE_VOTE_MS).status, 'open')
    equal(standing('fine-tune', [P, P, F], MANY, LATE_VOTE_MS + 1).status, 'accepted')
    equal(standing('fine-tune', [F, P, P], MANY, LATE_VOTE_MS + 1).status, 'open')
  })

  it('are as they were however long others take: who looks second is no other audit', () => {
    for (const [verdicts, status] of [
      [[P, P, F, F], 'open'],
      [[P, P, F, F, F], 'rejected'],
      [[F, P, P, F, F], 'rejected'],
    ] as const) {
      const { core, claim, order } = audited(VALIDATORS[0], 'fine-tune')
      for (const [place, verdict] of verdicts.entries()) {
        receive(core, voteEnvelope(claim, order[place]!, verdict))
      }
      for (const waits of [0, 1, 2, 3]) {
        const atMs = NOW_MS + waits * SEAT_WAIT_MS
        equal(standingOf(core.ledger, factOf(core, claim), atMs).status, status)
      }
    }
  })

  it('are not those who fail it when others have looked again and passed it', () => {
    const { core, claim, order } = audited(VALIDATORS[0], 'fine-tune')
    for (const [place, verdict] of [
      [0, P],
      [1, F],
      [3, P],
      [4, P],
    ] as const) {
      receive(core, voteEnvelope(claim, order[place]!, verdict))
    }
    const status = () => standingOf(core.ledger, factOf(core, claim), NOW_MS).status
    equal(status(), 'accepted')
    receive(core, voteEnvelope(claim, order[2]!, F), NOW_MS + LATE_VOTE_MS + 1)
    equal(status(), 'accepted')
  })

  it('are not whoever fails it unasked, and gets a seat long after two have passed it', () => {
    const { core, claim, order } = audited(VALIDATORS[0], 'fine-tune')
    for (const [place, verdict] of [
      [0, P],
      [1, P],
      [3, F],
    ] as const) {
      receive(core, voteEnvelope(claim, order[place]!, verdict))
    }
    for (const waits of [0, 1, 2]) {
      const atMs = NOW_MS + waits * SEAT_WAIT_MS
      equal(standingOf(core.ledger, factOf(core, claim), atMs).status, 'accepted')
    }
  })

  it('are joined by two behind whoever sits by then', () => {
    const { core, claim, order } = audited(VALIDATORS[0], 'fine-tune')
    receive(core, voteEnvelope(claim, order[0]!, P))
    receive(core, voteEnvelope(claim, order[3]!, F))
    const seats = (waits: number) =>
      seatsOf(core.ledger, factOf(core, claim), NOW_MS + waits * SEAT_WAIT_MS).seats
    deepEqual([seats(0), seats(1)], [3, 6])
    const failed = order.map((number) => {
      return failedBefore(core.ledger, factOf(core, claim), addressNumber(number))?.body.validator
    })
    const again = addressNumber(order[3]!)
    deepEqual(failed.slice(0, 6), [...Array(4).fill(undefined), again, again])
  })

  it('need nobody where they agree, nor does an answer, of which all look at the same', () => {
    equal(standing('fine-tune', [P, P]).status, 'accepted')
    equal(standing('fine-tune', [F, F]).status, 'rejected')
    equal(standing('inference', [P, P, F]).status, 'accepted')
    equal(standing('inference', [F, F, P]).status, 'rejected')
  })

  it('are judged by as many as there are', () => {
    const four = MANY.slice(0, 4)
    equal(standing('fine-tune', [P, P, F], four).status, 'open')
    equal(standing('fine-tune', [P, P, F, P], four).status, 'accepted')
    equal(standing('fine-tune', [P, P, F, F], four).status, 'rejected')
    equal(standing('fine-tune', [P, P, F], MANY.slice(0, 3)).status, 'accepted')
  })

  it('are joined also where the turn has gone on, until it is decided', () => {
    const { order } = audited(VALIDATORS[0], 'fine-tune')
    const lateMs = NOW_MS + VERDICT_WAIT_MS + 1
    for (const [verdicts, isAsked] of [
      [[P], false],
      [[P, F], true],
      [[P, P, F], true],
      [[F, F, P], false],
      [[F, F], false],
    ] as const) {
      const { core, claim } = audited(order[4]!, 'fine-tune')
      const votes = verdicts.map((verdict, place) => voteEnvelope(claim, order[place]!, verdict))
      const duties = votes.flatMap(({ bytes }) =>
        core.handle({ kind: 'received', bytes, via: 'reconciliation' }, lateMs),
      )
      const started = [...duties, ...due(core, 'verify', lateMs)]
      equal(
        started.some(({ kind }) => kind === 'verify'),
        isAsked,
        verdicts.join(),
      )
    }
  })

  it('have those who join repeat the audit that failed, not one of their own', () => {
    const { order } = audited(VALIDATORS[0], 'fine-tune')
    const failing = order[1]!
    for (const [place, self] of order.entries()) {
      const { core, claim } = audited(self, 'fine-tune')
      const asked = () => due(core, 'verify', NOW_MS).map(({ failed }) => failed)
      if (place >= 3) deepEqual(asked(), [])
      const seen = [0, 1, 2].filter((seat) => seat !== place)
      for (const seat of seen) {
        receive(core, voteEnvelope(claim, order[seat]!, order[seat] === failing ? F : P))
      }
      const again = { validator: addressNumber(failing), beaconBlock: 2 }
      if (place === 3 || place === 4) {
        const duties = core.handle({ kind: 'duty-failed', duty: `verify ${claim.digest}` }, NOW_MS)
        const [duty] = [...duties, ...due(core, 'verify', NOW_MS + 60_000)]
        deepEqual(duty?.kind === 'verify' && duty.failed, again)
      }
    }
  })
})
