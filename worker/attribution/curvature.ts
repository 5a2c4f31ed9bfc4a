/**
 * From raw gradients to comparable rows. Two gradients are compared by g · (F + λ)⁻¹ · h, where F is the Fisher matrix of
 * the trained examples, block by block, and λ dampens it. With F + λ = L·Lᵀ that is a plain dot product of L⁻¹g and L⁻¹h,
 * so each row is whitened once, held under a common cap of length, and rounded to int8 on one common scale.
 * Any root of (F + λ)⁻¹ gives the same dot products; Cholesky's needs no iteration and is the cheapest to recompute.
 * Curvature follows from the published features alone, so a validator recomputes it bit for bit.
 * Measured against 40 fine-tunes on half of 150 examples each, base of 4 M parameters: linear datamodeling score 0.57,
 * against 0.44 for raw dot products.
 */
import { invariant } from '../../protocol/invariant.ts'
import { addOuterProduct, factorise, packedSize, solveLower } from './cholesky.ts'
import { AttributionError } from './errors.ts'

/** λ in units of the block's mean eigenvalue: the middle of the plateau from 0.1 to 1 in the same measurement. */
const DAMPING = 0.5

/** Lengths above that of this share of the trained rows are cut to it: an outlier gains nothing by being one. */
const CAP_QUANTILE = 0.95

/**
 * The root mean square coordinate of a row at the cap, in int8 steps. Coordinates up to eight times as large still fit,
 * and rounding adds 2 % of noise to a coordinate, which averages out over thousands of them.
 */
const STEPS_AT_CAP = 16

export const INT8_MAX = 127

/** Wider blocks cost n³ and, with few examples, learn nothing more. */
const MAX_BLOCK_WIDTH = 1024

/** Examples times width: 2 GiB of features, which is what one typed array and a laptop's memory bear. */
export const MAX_FEATURES = 2 ** 29

export interface Curvature {
  /** D: numbers in the features of one example. */
  readonly width: number
  readonly blockWidth: number
  readonly damping: number
  /** L of each block, packed; none where no trained example has a gradient in the block. */
  readonly factors: readonly (Float64Array | undefined)[]
  /** Greatest length of a whitened row. */
  readonly cap: number
  /** int8 steps in a unit of whitened gradient. */
  readonly scale: number
}

/**
 * Fits the curvature of trained examples. `features` (N, D) row by row; `trained[i]` is false for a held-out example, which
 * has no part in it. Throws `AttributionError`: `bad-shape`, `too-large`, `not-finite`, `nothing-trained`.
 */
export function fitCurvature(
  features: Float32Array,
  trained: readonly boolean[],
  blockWidth: number,
  damping: number = DAMPING,
): Curvature {
  const width = widthOf(features, trained.length, blockWidth)
  // Less would leave the matrix singular to a double's precision.
  if (!(damping >= 1e-6 && damping <= 1e6)) {
    throw new AttributionError('bad-shape', `damping is ${damping}; give 0.000001 to 1000000`)
  }
  refuseNotFinite(features, width)
  const chosen = trained.flatMap((is, row) => (is ? [row] : []))
  const factors = Array.from({ length: width / blockWidth }, (_, block) =>
    factorOf(features, chosen, width, block * blockWidth, blockWidth, damping),
  )
  const lengths = new Float64Array(chosen.length)
  const whitened = new Float64Array(width)
  for (const [place, row] of chosen.entries()) {
    whitened.set(features.subarray(row * width, (row + 1) * width))
    whiten(whitened, factors, blockWidth)
    lengths[place] = length(whitened)
  }
  const cap = lengths.sort()[Math.floor(CAP_QUANTILE * (chosen.length - 1))] ?? 0
  if (!(cap > 0)) {
    throw new AttributionError(
      'nothing-trained',
      `${chosen.length} trained examples, and 95 % of them without any gradient: nothing to attribute to`,
    )
  }
  const scale = (STEPS_AT_CAP * Math.sqrt(width)) / cap
  return { width, blockWidth, damping, factors, cap, scale }
}

/** The int8 row (D) of one example's, or one answer's, features (D). Throws `AttributionError`: `bad-shape`, `not-finite`. */
export function toRow(curvature: Curvature, feature: Float32Array): Int8Array {
  const { width, blockWidth, factors, cap, scale } = curvature
  if (feature.length !== width) {
    throw new AttributionError('bad-shape', `${feature.length} features, the index has ${width}`)
  }
  refuseNotFinite(feature, width)
  const whitened = Float64Array.from(feature)
  whiten(whitened, factors, blockWidth)
  const reached = length(whitened)
  const factor = reached > cap ? scale * (cap / reached) : scale
  const row = new Int8Array(width)
  for (let i = 0; i < width; i++) row[i] = clip(Math.round(whitened[i]! * factor))
  return row
}

/** The int8 rows (N, D) of as many examples' features (N, D). Throws as `toRow` does. */
export function toRows(curvature: Curvature, features: Float32Array): Int8Array {
  const { width } = curvature
  const rows = new Int8Array(features.length)
  for (let start = 0; start < rows.length; start += width) {
    rows.set(toRow(curvature, features.subarray(start, start + width)), start)
  }
  return rows
}

/** Numbers in a row, once the shape of the index is checked. Throws `AttributionError`: `bad-shape`, `too-large`. */
function widthOf(features: Float32Array, examples: number, blockWidth: number): number {
  const width = features.length / examples
  if (examples < 1 || !Number.isInteger(width) || width < 1) {
    const message = `${features.length} features do not make ${examples} rows of equal width`
    throw new AttributionError('bad-shape', message)
  }
  if (!Number.isInteger(blockWidth) || blockWidth < 1 || width % blockWidth !== 0) {
    const message = `rows of ${width} features do not divide into blocks of ${blockWidth}`
    throw new AttributionError('bad-shape', message)
  }
  if (blockWidth > MAX_BLOCK_WIDTH || features.length > MAX_FEATURES) {
    const message = `${examples} examples of ${width} features in blocks of ${blockWidth}`
    const limits = `${MAX_FEATURES} features, blocks of ${MAX_BLOCK_WIDTH}`
    throw new AttributionError('too-large', `${message}; the most is ${limits}`)
  }
  return width
}

/** L of one block, or none where all its gradients are zero. */
function factorOf(
  features: Float32Array,
  chosen: readonly number[],
  width: number,
  start: number,
  n: number,
  damping: number,
): Float64Array | undefined {
  const matrix = new Float64Array(packedSize(n))
  const gradient = new Float64Array(n)
  for (const row of chosen) {
    const from = row * width + start
    gradient.set(features.subarray(from, from + n))
    addOuterProduct(matrix, gradient)
  }
  for (let i = 0; i < matrix.length; i++) matrix[i] = matrix[i]! / chosen.length
  let trace = 0
  for (let column = 0, at = 0; column < n; at += n - column, column++) trace += matrix[at]!
  if (!(trace > 0)) return undefined
  const lambda = damping * (trace / n)
  for (let column = 0, at = 0; column < n; at += n - column, column++) {
    matrix[at] = matrix[at]! + lambda
  }
  invariant(factorise(matrix, n), 'a damped Fisher matrix is positive definite')
  return matrix
}

/** Whitens a row in place, block by block. A block without curvature has nothing to compare with: it becomes zero. */
function whiten(
  row: Float64Array,
  factors: readonly (Float64Array | undefined)[],
  blockWidth: number,
): void {
  for (const [block, factor] of factors.entries()) {
    const start = block * blockWidth
    if (factor === undefined) row.fill(0, start, start + blockWidth)
    else solveLower(factor, row, start, blockWidth)
  }
}

function length(row: Float64Array): number {
  let squares = 0
  for (let i = 0; i < row.length; i++) squares += row[i]! * row[i]!
  return Math.sqrt(squares)
}

function clip(value: number): number {
  return Math.max(-INT8_MAX, Math.min(INT8_MAX, value))
}

function refuseNotFinite(features: Float32Array, width: number): void {
  for (let i = 0; i < features.length; i++) {
    if (Number.isFinite(features[i])) continue
    const place = `feature ${i % width} of example ${Math.floor(i / width)}`
    const advice = 'the run that made it diverged, or a file is damaged'
    throw new AttributionError('not-finite', `${place} is ${features[i]}: ${advice}`)
  }
}
