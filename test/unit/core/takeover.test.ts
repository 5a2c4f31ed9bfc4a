import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import type { Cid } from '../../../protocol/fields.ts'
import { LEASE_MS } from '../../../protocol/params.ts'
import {
  addressNumber,
  council,
  jobEnvelope,
  receive,
  signed,
  turnsOf,
} from '../../harness/council.ts'
import { cidNumber, NOW_MS } from '../../harness/messages.ts'

describe('[W1] what a worker has done', () => {
  const job = jobEnvelope(1, { task: 'fine-tune', adapter: '' })
  const [first, second, third] = turnsOf(council(4), job.digest) as [number, number, number]

  function beat(core: Core, worker: number, state: Cid | '', done: number, atMs: number): Effect[] {
    const progress = { done, total: 100, lossMicro: 0, state }
    const body = { jobId: job.digest, worker: addressNumber(worker), ...progress, issuedAtMs: atMs }
    return receive(core, signed({ kind: 'beat', body }, worker), atMs)
  }

  const followed = (effects: readonly Effect[]): Cid[] =>
    effects.flatMap((effect) => (effect.kind === 'follow' ? [effect.state] : []))

  const executed = (effects: readonly Effect[]): readonly Cid[] | undefined =>
    effects.find((effect) => effect.kind === 'execute')?.states

  it('is fetched by who is next in line, once, and again when it has come further', () => {
    for (const self of [first, second, third]) {
      const core = council(self)
      receive(core, job)
      assert.deepEqual(followed(beat(core, first, '', 1, NOW_MS + 100)), [])
      const due = followed(beat(core, first, cidNumber(1), 10, NOW_MS + 200))
      assert.deepEqual(due, self === second ? [cidNumber(1)] : [])
      if (self !== second) continue
      core.handle({ kind: 'followed', jobId: job.digest, state: cidNumber(1) }, NOW_MS + 300)
      assert.deepEqual(followed(beat(core, first, cidNumber(1), 11, NOW_MS + 400)), [])
      assert.deepEqual(followed(beat(core, first, cidNumber(2), 20, NOW_MS + 500)), [cidNumber(2)])
      const duty = `follow ${job.digest} ${cidNumber(2)}`
      core.handle({ kind: 'duty-failed', duty }, NOW_MS + 600)
      assert.deepEqual(followed(core.handle({ kind: 'tick' }, NOW_MS + 3000)), [cidNumber(2)])
    }
  })

  it('is fetched by the one behind, where the next has refused', () => {
    const core = council(third)
    receive(core, job)
    const body = { jobId: job.digest, worker: addressNumber(second), reason: 'busy' } as const
    receive(core, signed({ kind: 'refusal', body: { ...body, issuedAtMs: NOW_MS } }, second))
    assert.deepEqual(followed(beat(core, first, cidNumber(1), 10, NOW_MS + 200)), [cidNumber(1)])
  })

  it('is handed to who gets the turn, the furthest first', () => {
    const core = council(third)
    receive(core, job)
    beat(core, first, cidNumber(1), 10, NOW_MS + 200)
    // A later beat without a state takes nothing back.
    beat(core, first, '', 11, NOW_MS + 300)
    const silentMs = NOW_MS + 300 + LEASE_MS
    beat(core, second, cidNumber(2), 20, silentMs + 100)
    const due = core.handle({ kind: 'tick' }, silentMs + 100 + LEASE_MS)
    assert.deepEqual(executed(due), [cidNumber(2), cidNumber(1)])
  })

  it('is of no account where the job is an answer', () => {
    const answer = jobEnvelope(2)
    const [one, two] = turnsOf(council(4), answer.digest)
    const core = council(two!)
    receive(core, answer)
    const progress = { done: 1, total: 2, lossMicro: 0, state: cidNumber(1) }
    const body = { jobId: answer.digest, worker: addressNumber(one!), ...progress }
    const due = receive(core, signed({ kind: 'beat', body: { ...body, issuedAtMs: NOW_MS } }, one!))
    assert.deepEqual(followed(due), [])
  })
})
