import { deepEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { scenario } from '../../sim/scenario.ts'
import { fewest, partsOf, shrink } from '../../sim/shrink.ts'

describe('shrinking', () => {
  it('leaves just what is needed', () => {
    const drawn = fc.tuple(
      fc.integer({ min: 0, max: 40 }),
      fc.uniqueArray(fc.nat(39), { maxLength: 5 }),
    )
    fc.assert(
      fc.property(drawn, ([length, needed]) => {
        const items = Array.from({ length }, (_, at) => at)
        const wanted = needed.filter((at) => at < length).sort((a, b) => a - b)
        deepEqual(
          fewest(items, (some) => wanted.every((at) => some.includes(at))),
          wanted,
        )
      }),
    )
  })

  it('keeps a fault that nothing else can stand in for, and makes the cluster small', () => {
    const failing = scenario(7, 'storm')
    const crash = partsOf(failing).find((part) => typeof part !== 'string' && part.kind === 'crash')
    const isIn = (smaller: typeof failing): boolean =>
      partsOf(smaller).some((part) => JSON.stringify(part) === JSON.stringify(crash))
    const small = shrink(failing, isIn)
    deepEqual(small.parts, [crash])
    deepEqual([small.scenario.jobs, small.scenario.workers, small.scenario.validators], [1, 1, 3])
    ok(small.trials < 60, `${small.trials}`)
  })
})
