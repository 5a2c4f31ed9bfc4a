import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { TURN_SHARE } from '../../../protocol/params.ts'
import { Pace } from '../../../worker/effects/pace.ts'

const HOUR_MS = 3_600_000
const JOB = { issuedAtMs: 0, deadlineMs: HOUR_MS }
const TURN_MS = HOUR_MS * TURN_SHARE

/** When a job that takes so long is given up, which has begun and goes on in steps of a second; never where it is not. */
function givenUpAtMs(takesMs: number, resumedAt = 0): number | undefined {
  const pace = new Pace(JOB, 0)
  const total = takesMs / 1000
  for (let done = Math.floor(resumedAt * total) + 1; done <= total; done++) {
    const nowMs = 1000 * (done - Math.floor(resumedAt * total))
    if (pace.tooLong(done, total, nowMs) !== undefined) return nowMs
  }
  return undefined
}

describe('the pace of a fine-tune', () => {
  it('gives up soon what would take much longer than the turn', () => {
    equal(givenUpAtMs(2 * TURN_MS), 6000)
  })

  it('keeps what fits, or nearly, and what others have done most of', () => {
    for (const takesMs of [10_000, 0.9 * TURN_MS, 1.2 * TURN_MS])
      equal(givenUpAtMs(takesMs), undefined)
    equal(givenUpAtMs(3 * TURN_MS, 0.8), undefined)
    ok(givenUpAtMs(3 * TURN_MS, 0.2))
  })

  it('gives up nothing late: what was done is of use to the next worker', () => {
    const pace = new Pace(JOB, 0)
    for (let second = 1; second < TURN_MS / 1000; second++) {
      // As fast as it must be for a third of the turn, and then hardly at all.
      const done = Math.min(second, TURN_MS / 3000) + second / 1e6
      equal(pace.tooLong(done, TURN_MS / 1000, 1000 * second), undefined, `${second}`)
    }
  })

  it('tells a time that is too long, whatever comes', () => {
    const reports = fc.array(fc.tuple(fc.nat(1000), fc.nat(60_000)), { maxLength: 50 })
    fc.assert(
      fc.property(reports, fc.integer({ min: 1, max: 1000 }), (steps, total) => {
        const pace = new Pace(JOB, 0)
        let nowMs = 0
        for (const [done, afterMs] of steps) {
          nowMs += afterMs
          const allMs = pace.tooLong(Math.min(done, total), total, nowMs)
          ok(allMs === undefined || (Number.isFinite(allMs) && allMs > TURN_MS))
        }
      }),
    )
  })
})
