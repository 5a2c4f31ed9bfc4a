import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { keccak, utf8 } from '../../../protocol/hash.ts'
import { gumbel, highest } from '../../../protocol/sampling.ts'

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
})
