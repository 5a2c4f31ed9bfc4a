/**
 * The Cholesky factor of a small symmetric matrix, and its inverse applied to a vector. Matrices are lower triangles packed
 * column by column, n·(n + 1) / 2 doubles, so that every inner loop walks memory in order. Only + - * / and the square
 * root, in a fixed order: the same bits on every machine.
 */

/** Numbers in the packed lower triangle of an n by n matrix. */
export function packedSize(n: number): number {
  return (n * (n + 1)) / 2
}

/** Adds the outer product of `vector` (n) with itself to the packed matrix. */
export function addOuterProduct(matrix: Float64Array, vector: Float64Array): void {
  const n = vector.length
  for (let column = 0, at = 0; column < n; column++) {
    const factor = vector[column]!
    for (let row = column; row < n; row++) {
      matrix[at] = matrix[at]! + factor * vector[row]!
      at += 1
    }
  }
}

/** Replaces a positive definite matrix by its factor L with L·Lᵀ = matrix; false where it is not positive definite. */
export function factorise(matrix: Float64Array, n: number): boolean {
  for (let column = 0, start = 0; column < n; start += n - column, column++) {
    const pivot = matrix[start]!
    if (!(pivot > 0)) return false
    const root = Math.sqrt(pivot)
    const end = start + n - column
    matrix[start] = root
    for (let at = start + 1; at < end; at++) matrix[at] = matrix[at]! / root
    subtractColumn(matrix, start, end)
  }
  return true
}

/** Takes the outer product of the finished column at start .. end off the columns to its right. */
function subtractColumn(matrix: Float64Array, start: number, end: number): void {
  for (let from = start + 1, target = end; from < end; from++) {
    const factor = matrix[from]!
    for (let at = from; at < end; at++) {
      matrix[target] = matrix[target]! - factor * matrix[at]!
      target += 1
    }
  }
}

/** Solves L·y = x in place, for the part of `x` at start .. start + n. */
export function solveLower(factor: Float64Array, x: Float64Array, start: number, n: number): void {
  const end = start + n
  for (let column = start, at = 0; column < end; column++) {
    const y = x[column]! / factor[at]!
    at += 1
    x[column] = y
    for (let row = column + 1; row < end; row++) {
      x[row] = x[row]! - factor[at]! * y
      at += 1
    }
  }
}
