import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Agenda } from '../../sim/kernel/agenda.ts'
import { MOST_SOURCES, Wheel } from '../../sim/kernel/wheel.ts'

interface Event {
  readonly atUs: number
  readonly source: number
  readonly sequence: number
  readonly about: readonly number[]
}

/** What the wheel must do, done in the plainest way. */
class Sorted {
  nowUs = 0
  readonly #events: Event[] = []

  push(event: Event): void {
    this.#events.push(event)
    this.#events.sort((a, b) => a.atUs - b.atUs || a.source - b.source || a.sequence - b.sequence)
  }

  next(untilUs: number): Event | undefined {
    const next = this.#events[0]
    if (next === undefined || next.atUs > untilUs) {
      if (untilUs < Number.POSITIVE_INFINITY) this.nowUs = Math.max(this.nowUs, untilUs)
      return undefined
    }
    this.nowUs = next.atUs
    return this.#events.shift()
  }
}

/** Now, in the same bucket, in one nearby, at the wheel's edge, far beyond it. */
const delayUs = fc.oneof(
  fc.constant(0),
  fc.nat(127),
  fc.nat(3000),
  fc.integer({ min: 4080, max: 4120 }),
  fc.nat(50_000),
  fc.nat(10 ** 12),
)
const pushes = fc.record({ delayUs, source: fc.constantFrom(0, 1, 7, MOST_SOURCES - 1) })
const steps = fc.array(
  fc.record({
    pushes: fc.array(pushes, { maxLength: 40 }),
    takes: fc.nat(30),
    untilUs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(10_000)),
  }),
  { maxLength: 12 },
)

describe('the wheel', () => {
  it('gives what a sorted list gives: any delays, ties, turns of the wheel, limits of time', () => {
    const property = fc.property(steps, fc.constantFrom(32, 64, 32_768), (script, buckets) => {
      const wheel = new Wheel(buckets)
      const sorted = new Sorted()
      let sequence = 2 ** 31 - 20
      const take = (untilUs: number): boolean => {
        const wanted = sorted.next(untilUs)
        assert.equal(wheel.next(untilUs), wanted !== undefined)
        assert.equal(wheel.nowUs, sorted.nowUs)
        if (wanted === undefined) return false
        const { nowUs, source, target, kind, a, b } = wheel
        const got = { atUs: nowUs, source, sequence: wheel.sequence, about: [target, kind, a, b] }
        assert.deepEqual(got, wanted)
        return true
      }
      for (const step of script) {
        for (const { delayUs, source } of step.pushes) {
          const atUs = sorted.nowUs + delayUs
          const about = [sequence | 0, -sequence | 0, -1, 2 ** 31 - 1] as const
          sorted.push({ atUs, source, sequence, about })
          wheel.push(atUs, source, sequence++, ...about)
        }
        const untilUs = sorted.nowUs + step.untilUs
        for (let taken = 0; taken < step.takes && take(untilUs); taken++);
      }
      while (take(Number.POSITIVE_INFINITY));
      assert.equal(wheel.size, 0)
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('keeps the order in a bucket that thousands share, whatever order they came in', () => {
    const wheel = new Wheel()
    const count = 5000
    for (let index = 0; index < count; index++) {
      wheel.push(1000 + ((index * 7919) % 50), (index * 104_729) % count, index, index, 0, 0, 0)
    }
    let last = -1
    for (let taken = 0; taken < count; taken++) {
      assert.ok(wheel.next())
      const place = wheel.nowUs * count + wheel.source
      assert.ok(place > last, `${place} came after ${last}`)
      last = place
    }
    assert.ok(!wheel.next())
  })

  it('uses its room again: it does not grow with time', () => {
    const wheel = new Wheel()
    let sequence = 0
    for (let index = 0; index < 5000; index++) wheel.push(index % 40, 0, sequence++, 0, 0, 0, 0)
    const rounds = (count: number): void => {
      for (let taken = 0; taken < count * 5000; taken++) {
        assert.ok(wheel.next())
        wheel.push(wheel.nowUs + 5000, 0, sequence++, 0, 0, 0, 0)
      }
    }
    rounds(2)
    const { bytes } = wheel
    rounds(10)
    assert.equal(wheel.bytes, bytes)
  })

  it('refuses what lies in the past, and times that are none', () => {
    const wheel = new Wheel()
    wheel.push(500, 0, 0, 0, 0, 0, 0)
    assert.ok(wheel.next())
    assert.throws(() => wheel.push(499, 0, 1, 0, 0, 0, 0), /set for 499 µs when it is 500 µs/)
    assert.throws(() => wheel.push(Number.NaN, 0, 1, 0, 0, 0, 0), RangeError)
    assert.throws(() => wheel.push(Number.POSITIVE_INFINITY, 0, 1, 0, 0, 0, 0), RangeError)
    assert.throws(() => new Wheel(100), /power of two/)
    assert.equal(wheel.size, 0)
  })
})

describe('the agenda', () => {
  it('brings each thing once, at its time, and can be filled while it is emptied', () => {
    const property = fc.property(fc.array(delayUs, { maxLength: 60 }), (delays) => {
      const agenda = new Agenda<{ atUs: number; again: boolean }>(32)
      let sequence = 0
      for (const atUs of delays) agenda.push(atUs, 0, sequence++, { atUs, again: true })
      let taken = 0
      for (let thing = agenda.next(); thing !== undefined; thing = agenda.next()) {
        taken += 1
        assert.equal(agenda.nowUs, thing.atUs)
        const atUs = agenda.nowUs + 130
        if (thing.again) agenda.push(atUs, 0, sequence++, { atUs, again: false })
      }
      assert.equal(taken, 2 * delays.length)
      assert.equal(agenda.size, 0)
    })
    fc.assert(property)
  })
})
