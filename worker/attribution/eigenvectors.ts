/**
 * The eigenvectors of a small symmetric matrix, by Jacobi's rotations in a fixed order (Golub and Van Loan, Matrix
 * Computations, 8.5). Only + - * / and the square root: the same bits on every machine.
 */

/** Each sweep squares what is left beside the diagonal, so that ten do for any matrix; more are for numbers that are none. */
const MOST_SWEEPS = 40

/** What may be left beside the diagonal, as a part of it, squared: the precision of a double. */
const NOTHING = 1e-30

/** The eigenvectors of a symmetric matrix (n, n), which is spent: the rows of an orthogonal matrix (n, n). */
export function eigenvectors(matrix: Float64Array, n: number): Float64Array {
  const vectors = new Float64Array(n * n)
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1
  for (let sweep = 0; sweep < MOST_SWEEPS && !isDiagonal(matrix, n); sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) rotate(matrix, vectors, n, p, q)
    }
  }
  return vectors
}

function isDiagonal(matrix: Float64Array, n: number): boolean {
  let on = 0
  let beside = 0
  for (let i = 0; i < n; i++) {
    on += matrix[i * n + i]! ** 2
    for (let j = i + 1; j < n; j++) beside += matrix[i * n + j]! ** 2
  }
  return beside <= NOTHING * on
}

/** Turns the plane of the axes p and q so that nothing ties them any more. */
function rotate(
  matrix: Float64Array,
  vectors: Float64Array,
  n: number,
  p: number,
  q: number,
): void {
  const tie = matrix[p * n + q]!
  if (tie === 0) return
  const theta = (matrix[q * n + q]! - matrix[p * n + p]!) / (2 * tie)
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const cosine = 1 / Math.sqrt(tangent * tangent + 1)
  const sine = tangent * cosine
  for (let k = 0; k < n; k++) turn(matrix, k * n + p, k * n + q, cosine, sine)
  for (let k = 0; k < n; k++) turn(matrix, p * n + k, q * n + k, cosine, sine)
  for (let k = 0; k < n; k++) turn(vectors, p * n + k, q * n + k, cosine, sine)
  matrix[p * n + q] = 0
  matrix[q * n + p] = 0
}

function turn(of: Float64Array, a: number, b: number, cosine: number, sine: number): void {
  const x = of[a]!
  const y = of[b]!
  of[a] = cosine * x - sine * y
  of[b] = sine * x + cosine * y
}
