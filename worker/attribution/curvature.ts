/**
 * From features to comparable rows. Two gradients are compared by g · (F + λ)⁻¹ · h, where F is what the Fisher matrix of the
 * trained examples is in a basis that nearly makes it diagonal: of each map, whose gradient is a matrix G, the eigenvectors of
 * the means of G·Gᵀ and of Gᵀ·G, and in that basis the mean square of each number (Shampoo's basis, Gupta et al. 2018, with
 * EK-FAC's eigenvalues, George et al. 2018). So each gradient is turned and divided once, held under a common cap of length, and
 * rounded to int8 on one common scale; what remains is a plain dot product.
 * Curvature follows from the published features alone, so a validator recomputes it bit for bit.
 * How near it comes to training again without an example: `npm run bench -- attribution --only retraining`.
 */
import { eigenvectors } from './eigenvectors.ts'
import { AttributionError } from './errors.ts'
import { type FeatureShape, type Features, mapSize, toInt8, unpack, widthOf } from './features.ts'
import { addTimesTransposed } from './products.ts'

/** λ in units of a map's mean eigenvalue. From 0.03 to 0.3 nothing changes that can be measured. */
const DAMPING = 0.1

/**
 * Examples that curvature is fitted to, at the most. Of few each counts: fitted to half of 240 the datamodeling score falls by
 * 0.02 to 0.05, to a quarter by 0.07 to 0.11.
 */
const MOST_FITTED = 4096

/** Examples whose products are summed at once. */
const AT_ONCE = 16

/** Lengths above that of this share of the trained rows are cut to it: an outlier gains nothing by being one. */
const CAP_QUANTILE = 0.95

/**
 * The root mean square coordinate of a row at the cap, in int8 steps. Coordinates up to eight times as large still fit,
 * and rounding adds 2 % of noise to a coordinate, which averages out over thousands of them.
 */
const STEPS_AT_CAP = 16

export interface Curvature {
  readonly shape: FeatureShape
  /** D: numbers in a row. */
  readonly width: number
  readonly damping: number
  /** None where no trained example has a gradient in the map. */
  readonly maps: readonly (Whitening | undefined)[]
  /** Greatest length of a whitened row. */
  readonly cap: number
  /** int8 steps in a unit of whitened gradient. */
  readonly scale: number
}

/** What whitens the gradient of one map: U·G·Tᵀ, divided number by number. */
interface Whitening extends Basis {
  /** Square roots of the damped eigenvalues (rank, columns), row by row. */
  readonly divisors: Float64Array
}

interface Basis {
  /** U (columns, columns): each row an eigenvector. */
  readonly left: Float64Array
  /** T (rank, rank): each row an eigenvector. */
  readonly right: Float64Array
}

/**
 * Fits the curvature of trained examples. `trained[i]` is false for a held-out example, which has no part in it. Throws
 * `AttributionError`: `bad-shape`, `nothing-trained`.
 */
export function fitCurvature(
  features: Features,
  trained: readonly boolean[],
  damping: number = DAMPING,
): Curvature {
  const { shape, examples } = features
  if (trained.length !== examples) {
    const message = `${trained.length} examples are trained or held out, the index has ${examples}`
    throw new AttributionError('bad-shape', message)
  }
  // Less would leave nothing of λ to a double's precision.
  if (!(damping >= 1e-6 && damping <= 1e6)) {
    throw new AttributionError('bad-shape', `damping is ${damping}; give 0.000001 to 1000000`)
  }
  const width = widthOf(shape)
  const fitted = fittedOf(trained)
  const maps = eigenvalues(features, fitted, bases(features, fitted), damping)
  const lengths = new Float64Array(fitted.length)
  const whitened = new Float64Array(width)
  for (const [place, example] of fitted.entries()) {
    unpack(features, example, whitened)
    whiten(whitened, maps, shape)
    lengths[place] = length(whitened)
  }
  const cap = lengths.sort()[Math.floor(CAP_QUANTILE * (fitted.length - 1))] ?? 0
  if (!(cap > 0)) {
    throw new AttributionError(
      'nothing-trained',
      `${fitted.length} trained examples, and 95 % of them without any gradient: nothing to attribute to`,
    )
  }
  return { shape, width, damping, maps, cap, scale: (STEPS_AT_CAP * Math.sqrt(width)) / cap }
}

/** The int8 row (D) of one answer's raw features (D). Throws `AttributionError`: `bad-shape`, `not-finite`. */
export function toRow(curvature: Curvature, feature: Float32Array): Int8Array {
  const { width } = curvature
  if (feature.length !== width) {
    throw new AttributionError('bad-shape', `${feature.length} features, the index has ${width}`)
  }
  const wrong = feature.findIndex((value) => !Number.isFinite(value))
  if (wrong >= 0) {
    throw new AttributionError('not-finite', `feature ${wrong} of an answer is ${feature[wrong]}`)
  }
  return rounded(curvature, Float64Array.from(feature))
}

/** The int8 rows (N, D) of all examples. */
export function toRows(curvature: Curvature, features: Features): Int8Array {
  const { width } = curvature
  const rows = new Int8Array(features.examples * width)
  const feature = new Float64Array(width)
  for (let example = 0; example < features.examples; example++) {
    unpack(features, example, feature)
    rows.set(rounded(curvature, feature), example * width)
  }
  return rows
}

/** The row of a feature, which is spent. */
function rounded({ shape, maps, cap, scale }: Curvature, feature: Float64Array): Int8Array {
  whiten(feature, maps, shape)
  const reached = length(feature)
  const factor = reached > cap ? scale * (cap / reached) : scale
  const row = new Int8Array(feature.length)
  for (let i = 0; i < row.length; i++) row[i] = toInt8(feature[i]! * factor)
  return row
}

/** Trained examples, at equal distances where there are more than are fitted. */
function fittedOf(trained: readonly boolean[]): number[] {
  const all = trained.flatMap((is, example) => (is ? [example] : []))
  const count = Math.min(all.length, MOST_FITTED)
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!)
}

/** Of each map the eigenvectors of the mean G·Gᵀ and Gᵀ·G over the fitted examples. */
function bases(features: Features, fitted: readonly number[]): Basis[] {
  const { shape } = features
  const { rank, columns } = shape
  const size = mapSize(shape)
  const sums = Array.from({ length: shape.maps }, () => ({
    left: new Float64Array(columns * columns),
    right: new Float64Array(rank * rank),
  }))
  const one = new Float64Array(widthOf(shape))
  const many = new Float64Array(AT_ONCE * one.length)
  // G of many examples side by side, and Gᵀ of them.
  const wide = new Float64Array(AT_ONCE * size)
  const wideTransposed = new Float64Array(AT_ONCE * size)
  for (let from = 0; from < fitted.length; from += AT_ONCE) {
    const examples = fitted.slice(from, from + AT_ONCE)
    for (const [place, example] of examples.entries()) {
      unpack(features, example, one)
      many.set(one, place * one.length)
    }
    const count = examples.length
    for (const [map, { left, right }] of sums.entries()) {
      for (let place = 0; place < count; place++) {
        const at = place * one.length + map * size
        const matrix = many.subarray(at, at + size)
        for (let i = 0; i < size; i++) {
          const [column, row] = [Math.floor(i / rank), i % rank]
          wide[(column * count + place) * rank + row] = matrix[i]!
          wideTransposed[(row * count + place) * columns + column] = matrix[i]!
        }
      }
      addTimesTransposed(wide, columns, wide, columns, count * rank, left)
      addTimesTransposed(wideTransposed, rank, wideTransposed, rank, count * columns, right)
    }
  }
  return sums.map(({ left, right }) => ({
    left: eigenvectors(meanOf(left, fitted.length), columns),
    right: eigenvectors(meanOf(right, fitted.length), rank),
  }))
}

function meanOf(sum: Float64Array, count: number): Float64Array {
  return sum.map((value) => value / count)
}

/** Mean squares in each map's basis, damped. */
function eigenvalues(
  features: Features,
  fitted: readonly number[],
  found: readonly Basis[],
  damping: number,
): (Whitening | undefined)[] {
  const { shape } = features
  const size = mapSize(shape)
  const squares = found.map(() => new Float64Array(size))
  const feature = new Float64Array(widthOf(shape))
  const between = new Float64Array(size)
  const turned = new Float64Array(size)
  for (const example of fitted) {
    unpack(features, example, feature)
    for (const [map, sum] of squares.entries()) {
      turn(feature.subarray(map * size, (map + 1) * size), found[map]!, shape, between, turned)
      for (let i = 0; i < size; i++) sum[i] = sum[i]! + turned[i]! * turned[i]!
    }
  }
  return squares.map((sum, map) => {
    const values = meanOf(sum, fitted.length)
    const mean = values.reduce((total, value) => total + value, 0) / size
    if (!(mean > 0)) return undefined
    return { ...found[map]!, divisors: values.map((value) => Math.sqrt(value + damping * mean)) }
  })
}

/** Whitens a feature in place, map by map. A map without curvature has nothing to compare with: it becomes zero. */
function whiten(
  feature: Float64Array,
  maps: readonly (Whitening | undefined)[],
  shape: FeatureShape,
): void {
  const size = mapSize(shape)
  const between = new Float64Array(size)
  const turned = new Float64Array(size)
  for (const [number, map] of maps.entries()) {
    const matrix = feature.subarray(number * size, (number + 1) * size)
    if (map === undefined) {
      matrix.fill(0)
      continue
    }
    turn(matrix, map, shape, between, turned)
    for (let i = 0; i < size; i++) matrix[i] = turned[i]! / map.divisors[i]!
  }
}

/** (U·G·Tᵀ)ᵀ of a matrix G (columns, rank): (rank, columns), row by row. `between` is room for as many. */
function turn(
  matrix: Float64Array,
  { left, right }: Basis,
  { rank, columns }: FeatureShape,
  between: Float64Array,
  out: Float64Array,
): void {
  between.fill(0)
  addTimesTransposed(right, rank, matrix, columns, rank, between)
  out.fill(0)
  addTimesTransposed(between, rank, left, columns, columns, out)
}

function length(row: Float64Array): number {
  let squares = 0
  for (let i = 0; i < row.length; i++) squares += row[i]! * row[i]!
  return Math.sqrt(squares)
}
