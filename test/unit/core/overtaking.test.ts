import { deepEqual, equal } from 'node:assert/strict'
import { acceptedClaim } from '../../../coordinator-free/assignment.ts'
import { seated } from '../../../coordinator-free/committee.ts'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import type { Envelope } from '../../../protocol/envelope.ts'
import { GAS_WAIT_MS, LEASE_MS, RIVAL_WAIT_MS } from '../../../protocol/params.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  openingEnvelope,
  receive,
  signed,
  stake,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'
import { dutiesOf } from '../../harness/settled.ts'

const THIEF = 1
/** Two of seven, who pass whatever the thief signs. */
const RING = [20, 21]
const HONEST = [...VALIDATORS, 22, 23]
const [SELF] = VALIDATORS

function seatsOf(core: Core, { digest, message }: Envelope): number[] {
  if (message.kind !== 'claim') throw new TypeError('a claim')
  const common = { arrivedAtMs: NOW_MS, arrivedAtBlock: 2 }
  const fact = { envelope: { digest } as Envelope, body: message.body, ...common }
  const nodes = seated(core.ledger, fact, NOW_MS).map(({ node }) => node)
  return [...RING, ...HONEST].filter((number) => nodes.includes(addressNumber(number)))
}

/** A job whose first worker is the thief, and of whose claim its ring are two of three auditors. */
function tempting(core: Core) {
  for (let number = 1; ; number++) {
    const job = jobEnvelope(number, { adapter: '' })
    const [first, second] = turnsOf(core, job.digest)
    const copy = claimEnvelope(job.digest, THIEF)
    if (first !== THIEF || !RING.every((one) => seatsOf(core, copy).includes(one))) continue
    return { job, copy, own: claimEnvelope(job.digest, second!), worker: second! }
  }
}

/** The thief lets its turn go; when the next worker has claimed it signs the same result, and its ring passes it at once. */
function robbed() {
  const core = council(SELF)
  for (const number of [...RING, 22, 23]) stake(core, number, ['validator'])
  block(core, 2)
  const { job, copy, own, worker } = tempting(core)
  receive(core, job)
  const turnMs = NOW_MS + LEASE_MS + 1000
  core.handle({ kind: 'tick' }, turnMs)
  const beat = { jobId: job.digest, worker: addressNumber(worker), done: 1, total: 2, lossMicro: 0 }
  const body = { ...beat, state: '' as const, issuedAtMs: turnMs }
  receive(core, signed({ kind: 'beat', body }, worker), turnMs)
  const nowMs = turnMs + 300
  receive(core, own, turnMs)
  receive(core, copy, nowMs)
  for (const one of RING) receive(core, voteEnvelope(copy, one), nowMs)
  for (const one of RING) receive(core, openingEnvelope(copy, one), nowMs)
  const accepted = (atMs: number) => acceptedClaim(core.ledger, job.digest, atMs)?.claim.envelope
  return { core, copy, own, nowMs, accepted }
}

const judged = (core: Core, claim: Envelope, verdict: 'pass' | 'fail', nowMs: number): Effect[] => {
  const seats = seatsOf(core, claim).filter((number) => HONEST.includes(number))
  const votes = seats.map((number) => voteEnvelope(claim, number, verdict))
  const openings = seats.map((number) => openingEnvelope(claim, number))
  return [...votes, ...openings].flatMap((one) => receive(core, one, nowMs))
}

describe('who signs the result of the worker that has the turn', () => {
  it('is not accepted before that one was judged, which honest auditors go on to look at', () => {
    const { core, own, nowMs, accepted } = robbed()
    equal(accepted(nowMs), undefined)
    if (!seatsOf(core, own).includes(SELF)) return
    const looked = dutiesOf(block(core, 5, nowMs + 1000), 'verify')
    deepEqual(
      looked.map(({ claimId }) => claimId),
      [own.digest],
    )
  })

  it('is not paid where that one is passed', () => {
    const { core, own, nowMs, accepted } = robbed()
    judged(core, own, 'pass', nowMs + 2000)
    for (const later of [2000, RIVAL_WAIT_MS['fine-tune'], GAS_WAIT_MS + 60_000]) {
      equal(accepted(nowMs + later)?.digest, own.digest, `after ${later} ms`)
    }
  })

  it('is accepted where that one is found wanting, or is judged by nobody', () => {
    const failed = robbed()
    judged(failed.core, failed.own, 'fail', failed.nowMs + 2000)
    equal(failed.accepted(failed.nowMs + 2000)?.digest, failed.copy.digest)
    const unheard = robbed()
    equal(unheard.accepted(unheard.nowMs + RIVAL_WAIT_MS.inference)?.digest, unheard.copy.digest)
  })

  it('is accepted at once where it came in its own turn', () => {
    const early = council(SELF)
    for (const number of [...RING, 22, 23]) stake(early, number, ['validator'])
    block(early, 2)
    const job = tempting(early)
    for (const one of [job.job, job.copy, job.own]) receive(early, one)
    for (const one of RING) receive(early, voteEnvelope(job.copy, one))
    const first = acceptedClaim(early.ledger, job.job.digest, NOW_MS)
    equal(first?.claim.envelope.digest, job.copy.digest)
  })
})
