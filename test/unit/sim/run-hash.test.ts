import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { CHECKPOINT_EVENTS, RunHash } from '../../../sim/kernel/run-hash.ts'

type Event = [atUs: number, who: number, what: number, detail: number]

function hashOf(count: number, change: (event: Event, index: number) => Event = (e) => e): RunHash {
  const hash = new RunHash()
  for (let index = 0; index < count; index++) {
    hash.absorb(...change([index * 3, index % 10, index % 4, index], index))
  }
  return hash
}

describe('the hash of a run', () => {
  it('is the same for the same run, on every machine', () => {
    const first = hashOf(1000)
    assert.equal(first.digest, hashOf(1000).digest)
    assert.equal(first.digest, '0ae892d25551d737')
    assert.equal(first.firstDifference(hashOf(1000)), undefined)
  })

  it('changes with a bit of anything, with the order, and with one event more', () => {
    const digests = new Set([hashOf(100).digest, hashOf(101).digest])
    for (let field = 0; field < 4; field++) {
      for (let bit = 0; bit < 32; bit++) {
        const changed = hashOf(100, (event, index) => {
          if (index !== 40) return event
          const copy: Event = [...event]
          copy[field] = (copy[field]! ^ (1 << bit)) >>> 0
          return copy
        })
        digests.add(changed.digest)
      }
    }
    digests.add(hashOf(100, ([atUs, ...rest]) => [atUs + 2 ** 32, ...rest]).digest)
    digests.add(hashOf(100, (event, index) => (index < 2 ? [0, 1 - index, 0, 0] : event)).digest)
    digests.add(hashOf(100, (event, index) => (index < 2 ? [0, index, 0, 0] : event)).digest)
    assert.equal(digests.size, 2 + 4 * 32 + 3)
  })

  it('leads to the first difference, within as many events as lie between checkpoints', () => {
    const count = 5 * CHECKPOINT_EVENTS + 1000
    const whole = hashOf(count)
    for (const at of [
      0,
      CHECKPOINT_EVENTS - 1,
      CHECKPOINT_EVENTS,
      3 * CHECKPOINT_EVENTS + 7,
      count - 1,
    ]) {
      const other = hashOf(count, ([atUs, who, what, detail], index) => [
        atUs,
        who,
        index === at ? what + 1 : what,
        detail,
      ])
      assert.equal(whole.firstDifference(other), at - (at % CHECKPOINT_EVENTS))
    }
    assert.equal(whole.firstDifference(hashOf(CHECKPOINT_EVENTS + 5)), CHECKPOINT_EVENTS)
  })
})
