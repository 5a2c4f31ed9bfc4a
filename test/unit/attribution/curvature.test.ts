import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'mocha'
import { scoreOf, scoreParts } from '../../../protocol/attribution.ts'
import { fitCurvature, toRow, toRows } from '../../../worker/attribution/curvature.ts'
import { AttributionError, type AttributionErrorCode } from '../../../worker/attribution/errors.ts'
import {
  type FeatureShape,
  mapSize,
  packed,
  widthOf,
} from '../../../worker/attribution/features.ts'
import { gradients, normal, outerProduct, stream } from './synthetic.ts'

interface Vectors {
  shape: FeatureShape
  trained: boolean[]
  features: number[]
  queries: number[]
  cap: number
  scale: number
  rowSizes: number[][]
  queryRowSizes: number[][]
  products: [number, number, number][]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../vectors/attribution.json', import.meta.url), 'utf8'),
)

const refuses = (code: AttributionErrorCode, act: () => unknown): void =>
  assert.throws(act, (error) => error instanceof AttributionError && error.code === code)

const score = (a: Int8Array, b: Int8Array): number => scoreOf({ parts: scoreParts(a, b) })

describe('curvature', () => {
  const { shape, trained } = vectors
  const width = widthOf(shape)
  const raw = Float32Array.from(vectors.features)
  const features = packed(shape, raw)
  const curvature = fitCurvature(features, trained)
  const rows = toRows(curvature, features)
  const row = (i: number) => rows.subarray(i * width, (i + 1) * width)
  /** Of each map in a row the sizes of its numbers, ascending: whatever the order and signs of eigenvectors. */
  const sizes = (of: Int8Array): number[] =>
    Array.from({ length: shape.maps }, (_, map) =>
      [...of.subarray(map * mapSize(shape), (map + 1) * mapSize(shape))]
        .map(Math.abs)
        .sort((a, b) => a - b),
    ).flat()

  it('gives the rows that numpy gives', () => {
    const near = (own: number, theirs: number) =>
      assert.ok(Math.abs(own / theirs - 1) < 1e-10, `${own} for ${theirs}`)
    near(curvature.cap, vectors.cap)
    near(curvature.scale, vectors.scale)
    for (const [i, expected] of vectors.rowSizes.entries())
      assert.deepEqual(sizes(row(i)), expected)
    for (const [i, expected] of vectors.queryRowSizes.entries()) {
      const query = Float32Array.from(vectors.queries.slice(i * width, (i + 1) * width))
      assert.deepEqual(sizes(toRow(curvature, query)), expected)
    }
  })

  it('makes dot products of rows those of whitened gradients', () => {
    const atCap = 16 * Math.sqrt(width)
    const isLong = (i: number): boolean => Math.sqrt(score(row(i), row(i))) > 0.99 * atCap
    const short = vectors.products.filter(([i, j]) => !isLong(i) && !isLong(j))
    assert.ok(short.length > 1)
    for (const [i, j, product] of short) {
      const own = score(row(i), row(j)) / curvature.scale ** 2
      const lengths = Math.sqrt(score(row(i), row(i)) * score(row(j), row(j)))
      const error = Math.abs(own - product) * curvature.scale ** 2
      assert.ok(error < 0.03 * lengths, `${own} for ${product} of ${i} and ${j}`)
    }
  })

  it('cuts rows to one length, whatever the gradient', () => {
    const feature = raw.subarray(0, width).map((value) => value * 1e6)
    const length = Math.sqrt(score(toRow(curvature, feature), toRow(curvature, feature)))
    assert.ok(Math.abs(length - 16 * Math.sqrt(width)) < 2, `${length}`)
    const tenfold = feature.map((value) => value * 10)
    assert.deepEqual(toRow(curvature, tenfold), toRow(curvature, feature))
  })

  it('turns with the sign of the gradient', () => {
    const feature = raw.subarray(0, width)
    const against = toRow(
      curvature,
      feature.map((value) => -value),
    )
    const along = toRow(curvature, feature)
    assert.deepEqual(
      [...against],
      [...along].map((value) => 0 - value),
    )
  })

  it('has nothing to say in a map where no trained example has a gradient', () => {
    assert.equal(curvature.maps[1], undefined)
    const [from, until] = [mapSize(shape), 2 * mapSize(shape)]
    assert.ok(raw[3 * width + from])
    assert.ok(
      row(3)
        .subarray(from, until)
        .every((value) => value === 0),
    )
  })

  it('takes no account of held-out examples', () => {
    const other = raw.slice()
    for (const [i, is] of trained.entries()) if (!is) other.fill(7, i * width, (i + 1) * width)
    assert.deepEqual(fitCurvature(packed(shape, other), trained), curvature)
  })

  it('dampens what all examples have in common', () => {
    const form = { maps: 2, rank: 4, columns: 8 }
    const size = widthOf(form)
    const common = outerProduct('common', form)
    const source = stream('parts along it')
    const own = gradients('own', 40, size)
    const all = Array.from({ length: 40 }, (_, i) => {
      const part = 0.1 * normal(source)
      return [...common].map((value, k) => part * value + own[i * size + k]!)
    }).flat()
    const fitted = fitCurvature(packed(form, Float32Array.from(all)), new Array(40).fill(true))
    const lengthOf = (direction: Float64Array): number => {
      const row = toRow({ ...fitted, cap: 1e9, scale: 10 }, Float32Array.from(direction))
      return Math.sqrt(score(row, row))
    }
    assert.ok(lengthOf(common) < 0.3 * lengthOf(outerProduct('other', form)))
  })

  it('works with fewer examples than a map has numbers, and with one', () => {
    for (const examples of [1, 3]) {
      const few = gradients(`few ${examples}`, examples, 64)
      const form = { maps: 2, rank: 4, columns: 8 }
      const fitted = fitCurvature(packed(form, few), new Array(examples).fill(true))
      assert.ok(toRow(fitted, few.subarray(0, 64)).some((value) => value !== 0))
    }
  })

  it('clips a coordinate to int8 and never to -128', () => {
    const spike = new Float32Array(512)
    spike[5] = -1e-3
    const form = { maps: 2, rank: 8, columns: 32 }
    const row = toRow(fitCurvature(packed(form, spike), [true]), spike)
    assert.deepEqual([Math.min(...row), Math.max(...row)].map(Math.abs).sort(), [0, 127])
  })

  it('stays finite from the smallest to the greatest float', () => {
    const extreme = Float32Array.of(1e-45, 3e38, 0, -3e38, 1e-40, 0, 0, 1e-40)
    const fitted = fitCurvature(packed({ maps: 2, rank: 1, columns: 2 }, extreme), [true, true])
    assert.ok(Number.isFinite(fitted.cap) && Number.isFinite(fitted.scale))
    assert.ok(toRow(fitted, Float32Array.of(3e38, 3e38, 3e38, 3e38)).some((value) => value !== 0))
  })

  it('refuses what does not fit, and numbers that are none', () => {
    refuses('bad-shape', () => fitCurvature(features, trained.slice(1)))
    refuses('bad-shape', () => fitCurvature(features, trained, 0))
    refuses('bad-shape', () => toRow(curvature, raw))
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      refuses('not-finite', () => toRow(curvature, raw.slice(0, width).fill(bad, 3, 4)))
    }
  })

  it('refuses an index with nothing to learn from', () => {
    const nothing = packed(shape, new Float32Array(2 * width))
    refuses('nothing-trained', () => fitCurvature(nothing, [true, true]))
    const none = trained.map(() => false)
    refuses('nothing-trained', () => fitCurvature(features, none))
  })
})
