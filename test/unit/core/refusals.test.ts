import { deepEqual, equal, ok } from 'node:assert/strict'
import { refusedByAll, turnOf } from '../../../coordinator-free/assignment.ts'
import type { WorkTerms } from '../../../coordinator-free/duties.ts'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { reasons } from '../../../coordinator-free/reasons.ts'
import type { Envelope } from '../../../protocol/envelope.ts'
import type { RefusalReason } from '../../../protocol/refusal.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  reasonFor,
  receive,
  STRANGER,
  signed,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'

const job = jobEnvelope(1)
const ORDER = turnsOf(council(4), job.digest) as [number, number, number]
const UNIT_WEI = 10n ** 12n

const terms = (leastWei: bigint, maxJobs = 10): WorkTerms => ({
  leastUnitWei: { inference: leastWei, 'fine-tune': 0n },
  maxJobs,
})

function refusal(worker: number, reason: RefusalReason = 'price'): Envelope {
  const body = { jobId: job.digest, worker: addressNumber(worker), reason, issuedAtMs: NOW_MS }
  return signed({ kind: 'refusal', body }, worker)
}

/** What a worker says, with a word for each job. */
function said(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => {
    if (effect.kind === 'execute') return ['execute']
    if (effect.kind !== 'publish' || effect.message.kind !== 'refusal') return []
    return [effect.message.body.reason]
  })
}

function worker(given: WorkTerms): Core {
  const core = council(ORDER[0], { terms: given })
  block(core, 10)
  return core
}

const turn = (core: Core, nowMs = NOW_MS) => turnOf(core.ledger, job.digest, nowMs)?.worker.node

describe('a refusal', () => {
  it('is said at once of a job that pays too little, and only of such', () => {
    deepEqual(said(receive(worker(terms(UNIT_WEI)), job)), ['execute'])
    deepEqual(said(receive(worker(terms(UNIT_WEI + 1n)), job)), ['price'])
  })

  it('is said of what would be one job too many', () => {
    const core = worker(terms(0n, 1))
    const jobs = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => jobEnvelope(number))
    const words = jobs.flatMap((one) => said(receive(core, one)))
    equal(words.filter((word) => word === 'execute').length, 1)
    ok(words.length > 1 && words.slice(1).every((word) => word === 'busy'), words.join())
  })

  it('is never said of a job in hand', () => {
    const core = worker(terms(0n, 1))
    deepEqual(said(receive(core, job)), ['execute'])
    deepEqual(said(core.handle({ kind: 'tick' }, NOW_MS + 1000)), [])
  })

  it('is said once the shell finds that it cannot', () => {
    const core = worker(terms(0n))
    receive(core, job)
    const effects = core.handle({ kind: 'refused', jobId: job.digest, reason: 'memory' }, NOW_MS)
    deepEqual(said(effects), ['memory'])
    receive(core, refusal(ORDER[0], 'memory'))
    deepEqual(said(core.handle({ kind: 'tick' }, NOW_MS + 1)), [])
    const [reason] = reasons(core.ledger, addressNumber(ORDER[0]), job.digest, NOW_MS)
    deepEqual(reason, { code: 'refused', why: 'memory', place: 1, of: 3 })
  })

  it('passes the turn on at once, wherever and in whatever order it is heard', () => {
    const [first, second, third] = ORDER
    const core = council(4)
    receive(core, refusal(second))
    receive(core, job)
    equal(turn(core), addressNumber(first))
    receive(core, refusal(first))
    equal(turn(core), addressNumber(third))
    equal(refusedByAll(core.ledger, job.digest), undefined)
    receive(core, refusal(third, 'busy'))
    equal(turn(core), undefined)
    deepEqual(refusedByAll(core.ledger, job.digest), ['price', 'price', 'busy'])
  })

  it('does not undo a claim', () => {
    const core = council(4)
    receive(core, job)
    const claim = claimEnvelope(job.digest, ORDER[0])
    receive(core, claim)
    receive(core, refusal(ORDER[0]))
    equal(turn(core), addressNumber(ORDER[0]))
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator))
    equal(turn(core), undefined)
  })

  it('is taken from workers only, once, and forgotten with its job', () => {
    const core = council(4)
    equal(reasonFor(core, refusal(STRANGER).bytes), 'stranger')
    equal(reasonFor(core, refusal(VALIDATORS[0]).bytes), 'stranger')
    equal(reasonFor(core, refusal(1).bytes), 'admitted')
    equal(reasonFor(core, refusal(1).bytes), 'seen')
    equal(reasonFor(core, refusal(1, 'busy').bytes), 'contradicts')
    // Its job never came.
    core.handle({ kind: 'tick' }, NOW_MS + 600_000)
    equal(core.ledger.refusals.size, 0)
    equal(core.ledger.envelopes.size, 0)
  })
})
