import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { keccak, utf8 } from '../../../protocol/hash.ts'
import { candidates, draw, gumbel, highest } from '../../../protocol/sampling.ts'

describe('sampling', () => {
  const seed = keccak(utf8('seed'))

  it('draws noise with the mean and variance of a Gumbel distribution', () => {
    const draws = Array.from({ length: 4000 }, (_, position) => gumbel(seed, position, 7))
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length
    assert.ok(Math.abs(mean - 0.5772) < 0.06, `mean ${mean}`)
    assert.ok(Math.abs(variance - 1.6449) < 0.15, `variance ${variance}`)
  })

  it('takes the lower token where two logits tie', () => {
    assert.deepEqual(highest(Float32Array.of(1, 3, 3, 2), 3), [1, 2, 3])
  })

  it('draws the first of the candidates, though it does not score them all', () => {
    const logit = fc.oneof(
      fc.float({ noNaN: true, min: -30, max: 30 }),
      fc.constantFrom(-1e30, 0, 7),
    )
    const scale = fc.constantFrom(0, 1e-30, 1e-6, 0.1, 1, 10)
    fc.assert(
      fc.property(
        fc.array(logit, { minLength: 1, maxLength: 60 }),
        fc.nat(1000),
        scale,
        fc.integer({ min: 1, max: 80 }),
        (values, position, temperature, topK) => {
          const logits = Float32Array.from(values)
          const sampler = { temperature, topK }
          const [first] = candidates(logits, seed, position, sampler)
          assert.equal(draw(logits, seed, position, sampler), first!.token)
        },
      ),
      { numRuns: 500 },
    )
  })
})
