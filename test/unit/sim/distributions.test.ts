import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  distributionOf,
  kolmogorovSmirnov,
  meanOf,
  mixed,
  quantileOf,
  sampled,
  wasserstein,
} from '../../../sim/cli/distributions.ts'

const near = (measured: number, wanted: number) =>
  assert.ok(Math.abs(measured - wanted) < 1e-9, `${measured}, not ${wanted}`)

describe('distributions', () => {
  it('are as far apart as worked out by hand', () => {
    // Each of three moves by one; below 2 lies a third of the one and nothing of the other.
    near(wasserstein(sampled([3, 1, 2]), sampled([2, 3, 4])), 1)
    near(kolmogorovSmirnov(sampled([3, 1, 2]), sampled([2, 3, 4])), 1 / 3)
    // A third moves by ten.
    near(wasserstein(sampled([0, 0, 10]), sampled([0, 10, 10])), 10 / 3)
    near(kolmogorovSmirnov(sampled([0, 0, 10]), sampled([0, 10, 10])), 1 / 3)
    // Of four and of two: a quarter from 1 to 2, a quarter from 7 to 6.
    near(wasserstein(sampled([1, 2, 6, 7]), sampled([2, 6])), 0.5)
    near(kolmogorovSmirnov(sampled([1, 2, 6, 7]), sampled([2, 6])), 0.25)
    near(kolmogorovSmirnov(sampled([1, 2]), sampled([5])), 1)
  })

  it('weigh what they are made of, in whatever order it comes', () => {
    const weighed = distributionOf([
      [10, 1],
      [0, 3],
      [99, 0],
    ])
    assert.deepEqual(weighed, { at: [0, 10], share: [0.75, 1] })
    near(meanOf(weighed), 2.5)
    near(wasserstein(weighed, sampled([0, 0, 0, 10])), 0)
    near(wasserstein(weighed, sampled([0])), 2.5)
    const halves = mixed([sampled([1]), sampled([1, 2, 3, 4])])
    near(meanOf(halves), 0.5 * 1 + 0.5 * 2.5)
    near(kolmogorovSmirnov(halves, sampled([1])), 0.375)
    assert.throws(() => sampled([]), /a distribution of nothing/)
  })

  it('have their quantiles where the share is reached', () => {
    const four = sampled([40, 10, 30, 20])
    assert.deepEqual(
      [0.01, 0.25, 0.26, 0.5, 0.99, 1].map((share) => quantileOf(four, share)),
      [10, 10, 20, 20, 40, 40],
    )
  })

  it('are at no distance from themselves, at the same both ways, and never by less through a third', () => {
    const samples = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 12 })
    const property = fc.property(samples, samples, samples, (a, b, c) => {
      const [one, other, third] = [sampled(a), sampled(b), sampled(c)]
      for (const distance of [wasserstein, kolmogorovSmirnov]) {
        near(distance(one, one), 0)
        near(distance(one, other), distance(other, one))
        assert.ok(distance(one, third) <= distance(one, other) + distance(other, third) + 1e-9)
      }
      assert.ok(wasserstein(one, other) >= Math.abs(meanOf(one) - meanOf(other)) - 1e-9)
    })
    fc.assert(property)
  })
})
