import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Core } from '../../../coordinator-free/node.ts'
import { toHex } from '../../../protocol/hash.ts'
import { MAX_RECONCILE_MS, MAX_RECONCILED, RECONCILE_MS } from '../../../protocol/params.ts'
import { council, jobEnvelope } from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'

/** When a node asks its neighbours within so long, being woken when it asked to be. */
function askedMs(core: Core, fromMs: number, forMs: number): number[] {
  const asked: number[] = []
  for (let nowMs = fromMs; nowMs < fromMs + forMs; ) {
    const effects = core.handle({ kind: 'tick' }, nowMs)
    if (effects.some(({ kind }) => kind === 'reconcile')) asked.push(nowMs - fromMs)
    nowMs = Math.max(nowMs + 1, core.wakeAtMs(nowMs))
  }
  return asked
}

describe('a node that compares what it knows with neighbours', () => {
  it('does so the more seldom the longer it learns nothing, down to a bound', () => {
    const core = council(1)
    core.handle({ kind: 'tick' }, NOW_MS)
    const asked = askedMs(core, NOW_MS, 4 * MAX_RECONCILE_MS)
    const [first, second] = [2 * RECONCILE_MS, 2 * RECONCILE_MS + MAX_RECONCILE_MS]
    assert.deepEqual(asked, [
      first,
      second,
      second + MAX_RECONCILE_MS,
      second + 2 * MAX_RECONCILE_MS,
    ])
  })

  it('does so as often as at first when it has learned something that way, and not by gossip', () => {
    for (const via of ['reconciliation', 'gossip'] as const) {
      const core = council(1)
      askedMs(core, NOW_MS, 3 * MAX_RECONCILE_MS)
      const nowMs = NOW_MS + 3 * MAX_RECONCILE_MS
      core.handle({ kind: 'received', bytes: jobEnvelope(1).bytes, via }, nowMs)
      const [next] = askedMs(core, nowMs, 2 * MAX_RECONCILE_MS)
      assert.equal(next! <= RECONCILE_MS, via === 'reconciliation', `${via}: ${next} ms`)
    }
  })

  it('asks soon when a neighbour names something that it lacks', () => {
    for (const isNew of [true, false]) {
      const core = council(1)
      const job = jobEnvelope(1)
      core.handle({ kind: 'received', bytes: job.bytes, via: 'gossip' }, NOW_MS)
      askedMs(core, NOW_MS, 3 * MAX_RECONCILE_MS)
      const nowMs = NOW_MS + 3 * MAX_RECONCILE_MS
      const have = [isNew ? jobEnvelope(2).digest : job.digest]
      core.handle({ kind: 'asked', peer: 'somebody', have }, nowMs)
      const [next] = askedMs(core, nowMs, 2 * MAX_RECONCILE_MS)
      assert.equal(next! <= RECONCILE_MS, isNew, `${next} ms`)
    }
  })

  it('is handed over something else each time, where it has no use for what comes first', () => {
    const core = council(1)
    const jobs = Array.from({ length: MAX_RECONCILED + 10 }, (_, index) => jobEnvelope(index))
    for (const { bytes } of jobs) core.handle({ kind: 'received', bytes, via: 'gossip' }, NOW_MS)
    const given = new Set<string>()
    for (let round = 0; round < 2; round++) {
      const [answer] = core.handle({ kind: 'asked', peer: 'somebody', have: [] }, NOW_MS)
      assert.ok(answer?.kind === 'answer' && answer.envelopes.length === MAX_RECONCILED)
      for (const bytes of answer.envelopes) given.add(toHex(bytes))
    }
    assert.equal(given.size, jobs.length)
  })
})
