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

/** λ in units of a map's mean eigenvalue. From 0.03 to 0.3 nothing changes that can be measured. */
const DAMPING = 0.1

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
  const chosen = trained.flatMap((is, example) => (is ? [example] : []))
  const maps = eigenvalues(features, chosen, bases(features, chosen), damping)
  const lengths = new Float64Array(chosen.length)
  const whitened = new Float64Array(width)
  for (const [place, example] of chosen.entries()) {
    unpack(features, example, whitened)
    whiten(whitened, maps, shape)
    lengths[place] = length(whitened)
  }
  const cap = lengths.sort()[Math.floor(CAP_QUANTILE * (chosen.length - 1))] ?? 0
  if (!(cap > 0)) {
    throw new AttributionError(
      'nothing-trained',
      `${chosen.length} trained examples, and 95 % of them without any gradient: nothing to attribute to`,
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
  return Int8Array.from(feature, (value) => toInt8(value * factor))
}

/** Of each map the eigenvectors of the mean G·Gᵀ and Gᵀ·G over the chosen examples. */
function bases(features: Features, chosen: readonly number[]): Basis[] {
  const { shape } = features
  const { rank, columns } = shape
  const size = mapSize(shape)
  const sums = Array.from({ length: shape.maps }, () => ({
    left: new Float64Array(columns * columns),
    right: new Float64Array(rank * rank),
  }))
  const feature = new Float64Array(widthOf(shape))
  for (const example of chosen) {
    unpack(features, example, feature)
    for (const [map, { left, right }] of sums.entries()) {
      const matrix = feature.subarray(map * size, (map + 1) * size)
      addProducts(left, matrix, columns, rank, rank, 1)
      addProducts(right, matrix, rank, columns, 1, rank)
    }
  }
  for (const { left, right } of sums) {
    for (let i = 0; i < left.length; i++) left[i] = left[i]! / chosen.length
    for (let i = 0; i < right.length; i++) right[i] = right[i]! / chosen.length
  }
  return sums.map(({ left, right }) => ({
    left: eigenvectors(left, columns),
    right: eigenvectors(right, rank),
  }))
}

/** Adds M·Mᵀ to a sum (n, n), where M (n, depth) has its rows `rowStep` and its columns `step` apart. */
function addProducts(
  sum: Float64Array,
  matrix: Float64Array,
  n: number,
  depth: number,
  rowStep: number,
  step: number,
): void {
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let product = 0
      for (let k = 0; k < depth; k++) {
        product += matrix[i * rowStep + k * step]! * matrix[j * rowStep + k * step]!
      }
      const total = sum[i * n + j]! + product
      sum[i * n + j] = total
      sum[j * n + i] = total
    }
  }
}

/** Mean squares in each map's basis, damped. */
function eigenvalues(
  features: Features,
  chosen: readonly number[],
  found: readonly Basis[],
  damping: number,
): (Whitening | undefined)[] {
  const { shape } = features
  const size = mapSize(shape)
  const squares = found.map(() => new Float64Array(size))
  const feature = new Float64Array(widthOf(shape))
  const turned = new Float64Array(size)
  for (const example of chosen) {
    unpack(features, example, feature)
    for (const [map, sum] of squares.entries()) {
      turn(feature.subarray(map * size, (map + 1) * size), found[map]!, shape, turned)
      for (let i = 0; i < size; i++) sum[i] = sum[i]! + turned[i]! * turned[i]!
    }
  }
  return squares.map((sum, map) => {
    const values = sum.map((value) => value / chosen.length)
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
  const turned = new Float64Array(size)
  for (const [number, map] of maps.entries()) {
    const matrix = feature.subarray(number * size, (number + 1) * size)
    if (map === undefined) {
      matrix.fill(0)
      continue
    }
    turn(matrix, map, shape, turned)
    for (let i = 0; i < size; i++) matrix[i] = turned[i]! / map.divisors[i]!
  }
}

/** (U·G·Tᵀ)ᵀ of a matrix G (columns, rank): (rank, columns), row by row. */
function turn(
  matrix: Float64Array,
  { left, right }: Basis,
  { rank, columns }: FeatureShape,
  out: Float64Array,
): void {
  const turned = new Float64Array(columns)
  for (let i = 0; i < rank; i++) {
    for (let k = 0; k < columns; k++) turned[k] = dot(matrix, k * rank, right, i * rank, rank)
    for (let k = 0; k < columns; k++) {
      out[i * columns + k] = dot(left, k * columns, turned, 0, columns)
    }
  }
}

/** The product of n numbers of each, in four sums that do not wait for each other. */
function dot(a: Float64Array, aFrom: number, b: Float64Array, bFrom: number, n: number): number {
  let [first, second, third, fourth] = [0, 0, 0, 0]
  let i = 0
  for (; i + 3 < n; i += 4) {
    first += a[aFrom + i]! * b[bFrom + i]!
    second += a[aFrom + i + 1]! * b[bFrom + i + 1]!
    third += a[aFrom + i + 2]! * b[bFrom + i + 2]!
    fourth += a[aFrom + i + 3]! * b[bFrom + i + 3]!
  }
  for (; i < n; i++) first += a[aFrom + i]! * b[bFrom + i]!
  return first + second + (third + fourth)
}

function length(row: Float64Array): number {
  let squares = 0
  for (let i = 0; i < row.length; i++) squares += row[i]! * row[i]!
  return Math.sqrt(squares)
}
