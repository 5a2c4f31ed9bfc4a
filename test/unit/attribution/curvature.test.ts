import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'mocha'
import { scoreOf, scoreParts } from '../../../protocol/attribution.ts'
import { fitCurvature, toRow } from '../../../worker/attribution/curvature.ts'
import { AttributionError, type AttributionErrorCode } from '../../../worker/attribution/errors.ts'
import { gradients } from './synthetic.ts'

interface Vectors {
  blockWidth: number
  width: number
  trained: boolean[]
  features: number[]
  queries: number[]
  cap: number
  scale: number
  rows: number[][]
  queryRows: number[][]
  products: [number, number, number][]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../vectors/attribution.json', import.meta.url), 'utf8'),
)

const refuses = (code: AttributionErrorCode, act: () => unknown): void =>
  assert.throws(act, (error) => error instanceof AttributionError && error.code === code)

const score = (a: Int8Array, b: Int8Array): number => scoreOf({ parts: scoreParts(a, b) })

describe('curvature', () => {
  const { blockWidth, width, trained } = vectors
  const features = Float32Array.from(vectors.features)
  const curvature = fitCurvature(features, trained, blockWidth)
  const row = (i: number) => toRow(curvature, features.subarray(i * width, (i + 1) * width))

  it('gives the rows that numpy gives', () => {
    const near = (own: number, theirs: number) =>
      assert.ok(Math.abs(own / theirs - 1) < 1e-10, `${own} for ${theirs}`)
    near(curvature.cap, vectors.cap)
    near(curvature.scale, vectors.scale)
    for (const [i, expected] of vectors.rows.entries()) assert.deepEqual([...row(i)], expected)
    for (const [i, expected] of vectors.queryRows.entries()) {
      const query = Float32Array.from(vectors.queries.slice(i * width, (i + 1) * width))
      assert.deepEqual([...toRow(curvature, query)], expected)
    }
  })

  it('makes dot products of rows those of gradients under the inverse damped Fisher matrix', () => {
    const long = new Set(vectors.rows.flatMap((r, i) => (Math.hypot(...r) > 89 ? [i] : [])))
    for (const [i, j, product] of vectors.products.filter(
      ([i, j]) => !long.has(i) && !long.has(j),
    )) {
      const own = score(row(i), row(j)) / curvature.scale ** 2
      assert.ok(Math.abs(own - product) < 0.25, `${own} for ${product} of ${i} and ${j}`)
    }
  })

  it('cuts rows to one length, whatever the gradient', () => {
    const feature = features.subarray(0, width).map((value) => value * 1e6)
    const length = Math.sqrt(score(toRow(curvature, feature), toRow(curvature, feature)))
    assert.ok(Math.abs(length - 16 * Math.sqrt(width)) < 2, `${length}`)
    const tenfold = toRow(
      curvature,
      feature.map((value) => value * 10),
    )
    assert.deepEqual(tenfold, toRow(curvature, feature))
  })

  it('turns with the sign of the gradient', () => {
    const feature = features.subarray(0, width)
    const against = toRow(
      curvature,
      feature.map((value) => -value),
    )
    assert.deepEqual(
      [...against],
      [...row(0)].map((value) => 0 - value),
    )
  })

  it('has nothing to say in a block where no trained example has a gradient', () => {
    assert.equal(curvature.factors[1], undefined)
    assert.ok(
      row(3)
        .subarray(blockWidth, 2 * blockWidth)
        .every((value) => value === 0),
    )
  })

  it('takes no account of held-out examples', () => {
    const other = features.slice()
    for (const [i, is] of trained.entries()) if (!is) other.fill(7, i * width, (i + 1) * width)
    assert.deepEqual(fitCurvature(other, trained, blockWidth), curvature)
  })

  it('works with fewer examples than a block is wide, and with one', () => {
    for (const examples of [1, 3]) {
      const few = gradients(`few ${examples}`, examples, 64)
      const fitted = fitCurvature(few, new Array(examples).fill(true), 64)
      assert.ok(toRow(fitted, few.subarray(0, 64)).some((value) => value !== 0))
    }
  })

  it('clips a coordinate to int8 and never to -128', () => {
    const spike = new Float32Array(256)
    spike[5] = -1e-3
    const fitted = fitCurvature(spike, [true], 256)
    assert.equal(toRow(fitted, spike)[5], -127)
  })

  it('stays finite from the smallest to the greatest float', () => {
    const extreme = Float32Array.of(1e-45, 3e38, 0, -3e38, 1e-45, 0, 0, 1e-45)
    const fitted = fitCurvature(extreme, [true, true], 2)
    assert.ok(Number.isFinite(fitted.cap) && Number.isFinite(fitted.scale))
    assert.ok(toRow(fitted, Float32Array.of(3e38, 3e38, 3e38, 3e38)).some((value) => value !== 0))
  })

  it('refuses numbers that are none, by place', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = features.slice()
      broken[width + 3] = bad
      refuses('not-finite', () => fitCurvature(broken, trained, blockWidth))
      assert.throws(() => fitCurvature(broken, trained, blockWidth), /feature 3 of example 1/)
      refuses('not-finite', () => toRow(curvature, broken.subarray(width, 2 * width)))
    }
  })

  it('refuses shapes that do not fit', () => {
    refuses('bad-shape', () => fitCurvature(features, trained.slice(1), blockWidth))
    refuses('bad-shape', () => fitCurvature(features, [], blockWidth))
    for (const width of [0, -8, 7, 1.5, Number.NaN]) {
      refuses('bad-shape', () => fitCurvature(features, trained, width))
    }
    refuses('bad-shape', () => fitCurvature(features, trained, blockWidth, 0))
    refuses('bad-shape', () => toRow(curvature, features))
    refuses('too-large', () => fitCurvature(new Float32Array(4096), [true], 2048))
  })

  it('refuses an index with nothing to learn from', () => {
    refuses('nothing-trained', () => fitCurvature(new Float32Array(32), [true, true], 8))
    refuses('nothing-trained', () =>
      fitCurvature(
        features,
        trained.map(() => false),
        blockWidth,
      ),
    )
  })
})
