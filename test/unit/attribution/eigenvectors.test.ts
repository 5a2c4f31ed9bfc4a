import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { eigenvectors } from '../../../worker/attribution/eigenvectors.ts'
import { normal, stream } from './synthetic.ts'

/** A·B of matrices (n, n). */
function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const row = Math.floor(at / n)
    let sum = 0
    for (let k = 0; k < n; k++) sum += a[row * n + k]! * b[k * n + (at % n)]!
    return sum
  })
}

function transposed(a: Float64Array, n: number): Float64Array {
  return a.map((_, at) => a[(at % n) * n + Math.floor(at / n)]!)
}

/** The largest number beside the diagonal. */
function beside(a: Float64Array, n: number): number {
  return Math.max(0, ...a.map((value, at) => (at % (n + 1) === 0 ? 0 : Math.abs(value))))
}

describe('eigenvectors', () => {
  for (const n of [1, 2, 8, 32, 64]) {
    it(`make a matrix of ${n} by ${n} diagonal, and are orthogonal`, () => {
      const source = stream(`eigenvectors ${n}`)
      const half = Float64Array.from({ length: n * n }, (_, at) => normal(source) / (1 + (at % n)))
      const matrix = product(half, transposed(half, n), n)
      const vectors = eigenvectors(matrix.slice(), n)
      const turned = product(product(vectors, matrix, n), transposed(vectors, n), n)
      const trace = Math.max(...matrix.map(Math.abs))
      assert.ok(beside(turned, n) < 1e-13 * n * trace)
      const unit = product(vectors, transposed(vectors, n), n)
      assert.ok(beside(unit, n) < 1e-13)
      assert.ok(unit.every((value, at) => at % (n + 1) !== 0 || Math.abs(value - 1) < 1e-13))
    })
  }

  it('of a diagonal matrix, or of none, are its axes', () => {
    const axes = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert.deepEqual([...eigenvectors(new Float64Array(9), 3)], axes)
    assert.deepEqual([...eigenvectors(Float64Array.of(3, 0, 0, 0, 1, 0, 0, 0, 2), 3)], axes)
  })

  it('are found for the smallest and greatest numbers', () => {
    for (const size of [1e-90, 1e76]) {
      const vectors = eigenvectors(Float64Array.of(size, size, size, size), 2)
      assert.ok(vectors.every((value) => Math.abs(Math.abs(value) - Math.SQRT1_2) < 1e-12))
    }
  })
})
