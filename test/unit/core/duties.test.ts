import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { acceptedClaim, turnOf } from '../../../coordinator-free/assignment.ts'
import { seated } from '../../../coordinator-free/committee.ts'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Fact } from '../../../coordinator-free/ledger.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { seal } from '../../../protocol/envelope.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { BEAT_MS, LEASE_MS, STALL_MS, VERDICT_WAIT_MS } from '../../../protocol/params.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  kinds,
  receive,
  SEEN,
  signed,
  stake,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
  WORKERS,
} from '../../harness/council.ts'
import { keyNumber, MESSAGES, NOW_MS } from '../../harness/messages.ts'

describe('the turn to execute', () => {
  const job = jobEnvelope(1)

  function known(self = 4): Core {
    const core = council(self)
    receive(core, job)
    return core
  }

  function turnAt(core: Core, nowMs: number): number {
    const worker = turnOf(core.ledger, job.digest, nowMs)?.worker.node
    return WORKERS.find((number) => addressNumber(number) === worker) ?? 0
  }

  function beat(core: Core, worker: number, done: number, atMs: number): void {
    const body = {
      jobId: job.digest,
      worker: addressNumber(worker),
      done,
      total: 100,
      lossMicro: 0,
      state: '',
    } as const
    receive(core, signed({ kind: 'beat', body: { ...body, issuedAtMs: atMs } }, worker), atMs)
  }

  it('is the same in the eyes of all', () => {
    const orders = [1, 4, 10].map((self) => turnsOf(known(self), job.digest).join())
    assert.equal(new Set(orders).size, 1)
  })

  it('goes to the next when a worker is silent for a lease', () => {
    const core = known()
    const [first, second, third] = turnsOf(core, job.digest)
    assert.equal(turnAt(core, NOW_MS), first)
    assert.equal(turnAt(core, NOW_MS + LEASE_MS - 1), first)
    assert.equal(turnAt(core, NOW_MS + LEASE_MS), second)
    assert.equal(turnAt(core, NOW_MS + 2 * LEASE_MS), third)
    assert.equal(turnAt(core, NOW_MS + 3 * LEASE_MS), first)
  })

  it('stays with a worker that beats and gets on', () => {
    const core = known()
    const [first] = turnsOf(core, job.digest)
    for (let i = 1; i <= 40; i++) beat(core, first!, i, NOW_MS + i * BEAT_MS)
    assert.equal(turnAt(core, NOW_MS + 40 * BEAT_MS + LEASE_MS - 1), first)
  })

  it('does not come back to who lost it, whatever it says then', () => {
    const core = known()
    const [first, second] = turnsOf(core, job.digest)
    beat(core, second!, 1, NOW_MS + LEASE_MS + 1000)
    beat(core, first!, 1, NOW_MS + LEASE_MS + 2000)
    assert.equal(turnAt(core, NOW_MS + LEASE_MS + 2000), second)
    for (let i = 2; i <= 40; i++) {
      beat(core, first!, 1 + i, NOW_MS + LEASE_MS + 2000 + i * BEAT_MS)
      beat(core, second!, 1, NOW_MS + LEASE_MS + 2000 + i * BEAT_MS)
    }
    // The second stalls, and the turn goes on, not back.
    assert.equal(turnAt(core, NOW_MS + LEASE_MS + 2000 + STALL_MS), turnsOf(core, job.digest)[2])
  })

  it('leaves a worker that beats but does not get on', () => {
    const core = known()
    const [first, second] = turnsOf(core, job.digest)
    for (let i = 1; i <= 40; i++) beat(core, first!, 1, NOW_MS + i * BEAT_MS)
    assert.equal(turnAt(core, NOW_MS + BEAT_MS + STALL_MS - 1), first)
    assert.equal(turnAt(core, NOW_MS + BEAT_MS + STALL_MS + 1), second)
  })

  it('comes again to a claim that had no verdict, when all others have had theirs', () => {
    const core = known()
    const [first, second, third] = turnsOf(core, job.digest)
    receive(core, claimEnvelope(job.digest, first!, 1))
    const leftMs = NOW_MS + VERDICT_WAIT_MS
    assert.equal(turnAt(core, leftMs - 1), first)
    assert.equal(turnAt(core, leftMs), second)
    assert.equal(turnAt(core, leftMs + LEASE_MS), third)
    const againMs = leftMs + 2 * LEASE_MS
    assert.equal(turnAt(core, againMs), first)
    assert.equal(turnAt(core, againMs + VERDICT_WAIT_MS - 1), first)
    assert.equal(turnAt(core, againMs + VERDICT_WAIT_MS), second)
  })

  it('goes to the next when a claim is rejected, and is over when one is accepted', () => {
    const core = known()
    const [first, second] = turnsOf(core, job.digest)
    const lie = claimEnvelope(job.digest, first!, 1)
    receive(core, lie)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(lie, validator, 'fail'))
    assert.equal(turnAt(core, NOW_MS), second)
    const truth = claimEnvelope(job.digest, second!, 2)
    receive(core, truth)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(truth, validator))
    assert.equal(turnAt(core, NOW_MS), 0)
    assert.equal(
      acceptedClaim(core.ledger, job.digest, NOW_MS)?.claim.envelope.digest,
      truth.digest,
    )
  })
})

describe('the core', () => {
  it('orders an execution once, beats while it runs, and claims when it is done', () => {
    const job = jobEnvelope(1)
    const [first] = turnsOf(council(4), job.digest)
    const core = council(first!)
    assert.deepEqual(kinds(receive(core, job)), ['execute', 'publish'])
    assert.deepEqual(kinds(core.handle({ kind: 'tick' }, NOW_MS + 100)), [])
    const later = core.handle({ kind: 'tick' }, NOW_MS + BEAT_MS)
    assert.ok(later.some((effect) => effect.kind === 'publish' && effect.message.kind === 'beat'))
    const { output, commitment, attribution, units, graph } = claimBody(first!, job.digest)
    const result = { output, commitment, attribution, units, graph }
    const done = core.handle({ kind: 'executed', jobId: job.digest, result }, NOW_MS + 3000)
    const claims = done.filter((e) => e.kind === 'publish' && e.message.kind === 'claim')
    assert.equal(claims.length, 1)
  })

  it('waits for the block that seeds the job', () => {
    const job = jobEnvelope(1, { seedBlock: 3 })
    const [first] = turnsOf(council(4), job.digest)
    const core = council(first!)
    assert.deepEqual(kinds(receive(core, job)), [])
    assert.deepEqual(kinds(block(core, 2)), [])
    assert.ok(kinds(block(core, 3)).includes('execute'))
  })

  it('audits with a beacon that was unknown when the claim came, and votes once', () => {
    const core = council(4)
    const job = jobEnvelope(1)
    receive(core, job)
    const claim = claimEnvelope(job.digest, turnsOf(core, job.digest)[0]!)
    assert.ok(!kinds(receive(core, claim)).includes('verify'))
    const audit = block(core, 2).find((effect) => effect.kind === 'verify')
    assert.ok(audit?.kind === 'verify' && audit.beaconBlock === 2)
    const found = { claim: claim.digest, verdict: 'pass', reason: 'none', checked: 3 } as const
    const seen = { beaconBlock: 2, seen: SEEN }
    const said = core.handle({ kind: 'verified', ...found, ...seen }, NOW_MS)
    const vote = said.find((effect) => effect.kind === 'publish')
    assert.ok(vote?.kind === 'publish' && vote.message.kind === 'vote')
    const sealed = seal(vote.message, keyNumber(4).privateKey, MESSAGES)
    core.handle({ kind: 'received', bytes: sealed.bytes, via: 'journal' }, NOW_MS)
    core.handle({ kind: 'duty-done', duty: vote.duty }, NOW_MS)
    assert.ok(!kinds(block(core, 4)).includes('verify'))
  })

  it('does not audit a worker who jumps the queue', () => {
    const core = council(4)
    const job = jobEnvelope(1)
    receive(core, job)
    receive(core, claimEnvelope(job.digest, turnsOf(core, job.digest)[1]!))
    assert.ok(!kinds(block(core, 2)).includes('verify'))
    assert.ok(kinds(block(core, 9, NOW_MS + LEASE_MS)).includes('verify'))
  })

  it('does not audit a node of its own owner', () => {
    const core = council(4)
    const job = jobEnvelope(1)
    receive(core, job)
    const first = turnsOf(core, job.digest)[0]!
    const owner = core.ledger.members.get(addressNumber(first))!.owner
    const fact = { kind: 'staked', blockNumber: 1, node: addressNumber(4), owner } as const
    const staked = { ...fact, roles: ['validator'] as const, stakeWei: 1n }
    core.handle({ kind: 'chain', fact: staked }, NOW_MS)
    receive(core, claimEnvelope(job.digest, first))
    assert.ok(!kinds(block(core, 2)).includes('verify'))
  })

  it('seats the same auditors whatever its claim says', () => {
    const core = council(4)
    for (let number = 20; number < 40; number++) stake(core, number, ['validator'])
    const job = jobEnvelope(1)
    receive(core, job)
    const seatsOfOutput = (worker: number, output: number): string => {
      const { message } = claimEnvelope(job.digest, worker, output)
      if (message.kind !== 'claim') throw new TypeError('a claim was made')
      const claim = { body: message.body, arrivedAtMs: NOW_MS } as Fact<'claim'>
      return seated(core.ledger, claim, NOW_MS)
        .map(({ node }) => node)
        .join()
    }
    const tried = [1, 2, 3, 4, 5].map((output) => seatsOfOutput(1, output))
    assert.equal(new Set(tried).size, 1)
    assert.notEqual(seatsOfOutput(2, 1), tried[0])
  })

  for (const verdict of ['pass', 'fail'] as const) {
    const told =
      verdict === 'pass' ? 'no copy of a claim made in turn' : 'a late claim when that failed'
    it(`audits ${told}`, () => {
      const job = jobEnvelope(1)
      const core = council(4)
      receive(core, job)
      const [first, second] = turnsOf(core, job.digest)
      const laterMs = NOW_MS + LEASE_MS + 1000
      const original = claimEnvelope(job.digest, second!)
      const copy = claimEnvelope(job.digest, first!)
      receive(core, original, laterMs)
      receive(core, copy, laterMs + 1000)
      const auditedIn = (effects: readonly Effect[]): Hash[] =>
        effects.flatMap((effect) => (effect.kind === 'verify' ? [effect.claimId] : []))
      assert.deepEqual(auditedIn(block(core, 2, laterMs + 1000)), [original.digest])
      const audited = VALIDATORS.flatMap((validator) => {
        const vote = voteEnvelope(original, validator, verdict)
        return auditedIn(receive(core, vote, laterMs + 2000))
      })
      assert.deepEqual(audited, verdict === 'fail' ? [copy.digest] : [])
    })
  }

  it('tries a failed duty again, later each time', () => {
    const job = jobEnvelope(1)
    const [first] = turnsOf(council(4), job.digest)
    const core = council(first!)
    receive(core, job)
    const duty = `execute ${job.digest}`
    core.handle({ kind: 'duty-failed', duty }, NOW_MS)
    assert.ok(!kinds(core.handle({ kind: 'tick' }, NOW_MS + 999)).includes('execute'))
    assert.ok(kinds(core.handle({ kind: 'tick' }, NOW_MS + 1000)).includes('execute'))
    core.handle({ kind: 'duty-failed', duty }, NOW_MS + 1000)
    assert.ok(!kinds(core.handle({ kind: 'tick' }, NOW_MS + 2900)).includes('execute'))
  })
})

function claimBody(worker: number, jobId: Hash) {
  const { message } = claimEnvelope(jobId, worker)
  if (message.kind !== 'claim') throw new TypeError('a claim was made')
  return message.body
}
