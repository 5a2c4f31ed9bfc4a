/**
 * Products of small dense matrices in doubles. Each sum goes over its terms in their order, whatever the sizes, so it comes out
 * the same on every machine; eight sums at a time keep a processor busy without being told more.
 */

/** Adds A·Bᵀ, of A (n, depth) and B (m, depth), to `sums` (n, m); all row by row. */
export function addTimesTransposed(
  a: Float64Array,
  n: number,
  b: Float64Array,
  m: number,
  depth: number,
  sums: Float64Array,
): void {
  const wholeRows = n - (n % 4)
  const wholeColumns = m - (m % 2)
  for (let i = 0; i < wholeRows; i += 4) {
    for (let k = 0; k < wholeColumns; k += 2) addBlock(a, i, b, k, m, depth, sums)
  }
  addEach(a, 0, wholeRows, b, wholeColumns, m, depth, sums)
  addEach(a, wholeRows, n, b, 0, m, depth, sums)
}

/** The sums of four rows of A and two of B. */
function addBlock(
  a: Float64Array,
  row: number,
  b: Float64Array,
  column: number,
  m: number,
  depth: number,
  sums: Float64Array,
): void {
  const a0 = row * depth
  const a1 = a0 + depth
  const a2 = a1 + depth
  const a3 = a2 + depth
  const b0 = column * depth
  const b1 = b0 + depth
  const s0 = row * m + column
  const s1 = s0 + m
  const s2 = s1 + m
  const s3 = s2 + m
  let p0 = sums[s0]!
  let p1 = sums[s1]!
  let p2 = sums[s2]!
  let p3 = sums[s3]!
  let q0 = sums[s0 + 1]!
  let q1 = sums[s1 + 1]!
  let q2 = sums[s2 + 1]!
  let q3 = sums[s3 + 1]!
  for (let j = 0; j < depth; j++) {
    const x = b[b0 + j]!
    const y = b[b1 + j]!
    const u0 = a[a0 + j]!
    const u1 = a[a1 + j]!
    const u2 = a[a2 + j]!
    const u3 = a[a3 + j]!
    p0 += u0 * x
    p1 += u1 * x
    p2 += u2 * x
    p3 += u3 * x
    q0 += u0 * y
    q1 += u1 * y
    q2 += u2 * y
    q3 += u3 * y
  }
  sums[s0] = p0
  sums[s1] = p1
  sums[s2] = p2
  sums[s3] = p3
  sums[s0 + 1] = q0
  sums[s1 + 1] = q1
  sums[s2 + 1] = q2
  sums[s3 + 1] = q3
}

/** The sums of rows `from` to `to` of A and rows `first` to m of B, one by one. */
function addEach(
  a: Float64Array,
  from: number,
  to: number,
  b: Float64Array,
  first: number,
  m: number,
  depth: number,
  sums: Float64Array,
): void {
  for (let i = from; i < to; i++) {
    for (let k = first; k < m; k++) {
      let sum = sums[i * m + k]!
      for (let j = 0; j < depth; j++) sum += a[i * depth + j]! * b[k * depth + j]!
      sums[i * m + k] = sum
    }
  }
}
