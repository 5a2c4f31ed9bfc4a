/**
 * From features to comparable rows. Two gradients are compared by g · (F + λ)⁻¹ · h, where F is what the Fisher matrix of the
 * trained examples is in a basis that nearly makes it diagonal: of each half of an adapted map, a matrix G, the eigenvectors of
 * the means of G·Gᵀ and of Gᵀ·G, and in that basis the mean square of each number (Shampoo's basis, Gupta et al. 2018, with
 * EK-FAC's eigenvalues, George et al. 2018). So each gradient is turned and divided once, held under a common cap of length, and
 * rounded to int8 on one common scale; what remains is a plain dot product.
 * Curvature follows from the published features alone, so a validator recomputes it bit for bit.
 * How near it comes to training again without an example: `npm run bench -- attribution --only retraining`.
 */
import { eigenvectors } from './eigenvectors.ts'
import { AttributionError } from './errors.ts'
import {
  type FeatureShape,
  type Features,
  halfSize,
  halvesOf,
  toInt8,
  unpack,
  widthOf,
} from './features.ts'

/** λ in units of a half's mean eigenvalue. From 0.03 to 0.3 nothing changes that can be measured. */
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
  /** None where no trained example has a gradient in the half. */
  readonly halves: readonly (Half | undefined)[]
  /** Greatest length of a whitened row. */
  readonly cap: number
  /** int8 steps in a unit of whitened gradient. */
  readonly scale: number
}

/** What whitens one half: Uᵀ·G·T, divided number by number. */
interface Half {
  /** U (rank, rank), row by row. */
  readonly left: Float64Array
  /** T (columns, columns), row by row. */
  readonly right: Float64Array
  /** Square roots of the damped eigenvalues (rank, columns), row by row. */
  readonly divisors: Float64Array
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
  const halves = eigenvalues(features, chosen, bases(features, chosen), damping)
  const lengths = new Float64Array(chosen.length)
  const whitened = new Float64Array(width)
  for (const [place, example] of chosen.entries()) {
    unpack(features, example, whitened)
    whiten(whitened, halves, shape)
    lengths[place] = length(whitened)
  }
  const cap = lengths.sort()[Math.floor(CAP_QUANTILE * (chosen.length - 1))] ?? 0
  if (!(cap > 0)) {
    throw new AttributionError(
      'nothing-trained',
      `${chosen.length} trained examples, and 95 % of them without any gradient: nothing to attribute to`,
    )
  }
  return { shape, width, damping, halves, cap, scale: (STEPS_AT_CAP * Math.sqrt(width)) / cap }
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
function rounded({ shape, halves, cap, scale }: Curvature, feature: Float64Array): Int8Array {
  whiten(feature, halves, shape)
  const reached = length(feature)
  const factor = reached > cap ? scale * (cap / reached) : scale
  return Int8Array.from(feature, (value) => toInt8(value * factor))
}

interface Basis {
  readonly left: Float64Array
  readonly right: Float64Array
}

/** Of each half the eigenvectors of the mean G·Gᵀ and Gᵀ·G over the chosen examples. */
function bases(features: Features, chosen: readonly number[]): Basis[] {
  const { shape } = features
  const { rank, columns } = shape
  const sums = Array.from({ length: halvesOf(shape) }, () => ({
    left: new Float64Array(rank * rank),
    right: new Float64Array(columns * columns),
  }))
  const feature = new Float64Array(widthOf(shape))
  const matrix = new Float64Array(halfSize(shape))
  for (const example of chosen) {
    unpack(features, example, feature)
    for (const [half, { left, right }] of sums.entries()) {
      lift(feature, half, shape, matrix)
      addProducts(left, matrix, rank, columns, columns, 1)
      addProducts(right, matrix, columns, rank, 1, columns)
    }
  }
  for (const { left, right } of sums) {
    for (let i = 0; i < left.length; i++) left[i] = left[i]! / chosen.length
    for (let i = 0; i < right.length; i++) right[i] = right[i]! / chosen.length
  }
  return sums.map(({ left, right }) => ({
    left: eigenvectors(left, rank),
    right: eigenvectors(right, columns),
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

/** Mean squares in each half's basis, damped. */
function eigenvalues(
  features: Features,
  chosen: readonly number[],
  found: readonly Basis[],
  damping: number,
): (Half | undefined)[] {
  const { shape } = features
  const size = halfSize(shape)
  const squares = found.map(() => new Float64Array(size))
  const feature = new Float64Array(widthOf(shape))
  const matrix = new Float64Array(size)
  const turned = new Float64Array(size)
  for (const example of chosen) {
    unpack(features, example, feature)
    for (const [half, sum] of squares.entries()) {
      lift(feature, half, shape, matrix)
      turn(matrix, found[half]!, shape, turned)
      for (let i = 0; i < size; i++) sum[i] = sum[i]! + turned[i]! * turned[i]!
    }
  }
  return squares.map((sum, half) => {
    const values = sum.map((value) => value / chosen.length)
    const mean = values.reduce((total, value) => total + value, 0) / size
    if (!(mean > 0)) return undefined
    return { ...found[half]!, divisors: values.map((value) => Math.sqrt(value + damping * mean)) }
  })
}

/** Whitens a feature in place, half by half. A half without curvature has nothing to compare with: it becomes zero. */
function whiten(
  feature: Float64Array,
  halves: readonly (Half | undefined)[],
  shape: FeatureShape,
): void {
  const size = halfSize(shape)
  const matrix = new Float64Array(size)
  const turned = new Float64Array(size)
  for (const [number, half] of halves.entries()) {
    const from = number * size
    if (half === undefined) {
      feature.fill(0, from, from + size)
      continue
    }
    lift(feature, number, shape, matrix)
    turn(matrix, half, shape, turned)
    for (let i = 0; i < size; i++) feature[from + i] = turned[i]! / half.divisors[i]!
  }
}

/** One half as a matrix (rank, columns): that of B lies the other way round. */
function lift(
  feature: Float64Array,
  half: number,
  { rank, columns }: FeatureShape,
  matrix: Float64Array,
): void {
  const from = half * rank * columns
  if (half % 2 === 0) {
    for (let i = 0; i < matrix.length; i++) matrix[i] = feature[from + i]!
    return
  }
  for (let row = 0; row < rank; row++) {
    for (let column = 0; column < columns; column++) {
      matrix[row * columns + column] = feature[from + column * rank + row]!
    }
  }
}

/** Uᵀ·G·T. */
function turn(
  matrix: Float64Array,
  { left, right }: Basis,
  { rank, columns }: FeatureShape,
  out: Float64Array,
): void {
  const half = new Float64Array(columns)
  for (let row = 0; row < rank; row++) {
    half.fill(0)
    for (let k = 0; k < rank; k++) {
      const weight = left[k * rank + row]!
      for (let i = 0; i < columns; i++) half[i] = half[i]! + weight * matrix[k * columns + i]!
    }
    out.fill(0, row * columns, (row + 1) * columns)
    for (let k = 0; k < columns; k++) {
      const weight = half[k]!
      for (let i = 0; i < columns; i++) {
        out[row * columns + i] = out[row * columns + i]! + weight * right[k * columns + i]!
      }
    }
  }
}

function length(row: Float64Array): number {
  let squares = 0
  for (let i = 0; i < row.length; i++) squares += row[i]! * row[i]!
  return Math.sqrt(squares)
}
