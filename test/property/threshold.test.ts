import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { PARAMETERS } from '../../protocol/parameters.ts'
import {
  INITIAL_STRICTNESS_THOUSANDTHS,
  nextStrictness,
  type ThresholdRules,
} from '../../protocol/threshold.ts'

const within = (name: keyof ThresholdRules) => fc.integer(PARAMETERS[name])

/** Whatever governance may set. */
const rules = fc.record({
  payeesTargetTenths: within('payeesTargetTenths'),
  strictnessStepBps: within('strictnessStepBps'),
  strictnessMinTenths: fc.integer({ min: 0, max: 30 }),
  strictnessMaxTenths: fc.integer({ min: 30, max: 100 }),
})
const strictness = fc.nat(10_000)
const answers = fc.nat(256)
const payees = fc.nat(30_000)

const DEFAULTS: ThresholdRules = {
  payeesTargetTenths: 50,
  strictnessStepBps: 1250,
  strictnessMinTenths: 0,
  strictnessMaxTenths: 50,
}

function bounded(
  value: number,
  { strictnessMinTenths, strictnessMaxTenths }: ThresholdRules,
): number {
  return Math.min(Math.max(value, 100 * strictnessMinTenths), 100 * strictnessMaxTenths)
}

describe('the attribution threshold', () => {
  it('moves by its step at most, and never out of its bounds', () => {
    const property = fc.property(strictness, payees, answers, rules, (before, paid, count, by) => {
      const next = nextStrictness(before, paid, count, by)
      equal(next, bounded(next, by))
      const from = bounded(before, by)
      const step = Math.max(1, (before * by.strictnessStepBps) / 10_000)
      ok(Math.abs(next - from) <= step)
    })
    fc.assert(property)
  })

  it('is the stricter the more contributors were paid', () => {
    const property = fc.property(
      ...[strictness, payees, fc.nat(1000), answers, rules],
      (before, paid, more, count, by) => {
        ok(
          nextStrictness(before, paid + more, count, by) >= nextStrictness(before, paid, count, by),
        )
      },
    )
    fc.assert(property)
  })

  it('stays where the target is met, and where nobody asked', () => {
    const property = fc.property(strictness, fc.nat(100), rules, (before, tens, by) => {
      const paid = by.payeesTargetTenths * tens
      equal(nextStrictness(before, paid, 10 * tens, by), bounded(before, by))
      equal(nextStrictness(before, paid, 0, by), bounded(before, by))
      equal(nextStrictness(before, paid, 7, { ...by, strictnessStepBps: 0 }), bounded(before, by))
    })
    fc.assert(property)
  })

  it('moves wherever a payee too many or too few was paid, short of its bounds', () => {
    const off = fc.integer({ min: 1, max: 500 })
    const property = fc.property(fc.nat(5000), off, fc.boolean(), (before, by, above) => {
      const next = nextStrictness(before, above ? 500 + by : 500 - by, 100, DEFAULTS)
      if (above) ok(next > before || before === 5000)
      else ok(next < before || before === 0)
    })
    fc.assert(property)
  })

  it('finds the strictness at which the target is met, from anywhere', () => {
    // The stricter, the fewer are paid; how steeply is not known beforehand.
    const property = fc.property(
      strictness,
      fc.integer({ min: 200, max: 4500 }),
      (start, meets) => {
        const paidAt = (value: number): number => Math.round((500 * 2 * meets) / (meets + value))
        let held = start
        for (let batch = 0; batch < 400; batch++)
          held = nextStrictness(held, paidAt(held), 100, DEFAULTS)
        // Within a few payees of 500.
        ok(Math.abs(paidAt(held) - 500) <= 5, `${held} for ${meets}`)
      },
    )
    fc.assert(property)
  })

  it('climbs out of nothing, though an eighth of nothing is nothing', () => {
    let held = 0
    for (let batch = 0; batch < 100; batch++) held = nextStrictness(held, 100, 10, DEFAULTS)
    ok(held > INITIAL_STRICTNESS_THOUSANDTHS, String(held))
  })
})
