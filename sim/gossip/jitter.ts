/**
 * How much longer than its link's delay a message takes: lognormal. The table is made by the four operations and square
 * roots only, which are the same in every engine; `Math.exp` and `Math.log` are not.
 */
const ENTRIES = 1024
/** Median of the extra time as a share of the delay, and spread of its logarithm: p99 is a tenth. */
export const MEDIAN = 0.02
const SIGMA = 0.7

/** Extra time as a share of the delay, for equally likely draws. */
export function jitterTable(): Float64Array {
  return Float64Array.from({ length: ENTRIES }, (_, index) => {
    const quantile = (index + 0.5) / ENTRIES
    return MEDIAN * exponential(SIGMA * normalQuantile(quantile))
  })
}

/** e to the power of x: by its series, for x made small enough. */
export function exponential(x: number): number {
  let sum = 1
  let term = 1
  for (let n = 1; n < 20; n++) {
    term *= x / 16 / n
    sum += term
  }
  for (let squared = 0; squared < 4; squared++) sum *= sum
  return sum
}

/** Where so much of the standard normal distribution lies below, by halving between -6 and 6. */
function normalQuantile(share: number): number {
  let low = -6
  let high = 6
  for (let halved = 0; halved < 50; halved++) {
    const middle = (low + high) / 2
    if (normalShare(middle) < share) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Share of the standard normal distribution below x: 1/2 + density · (x + x³/3 + x⁵/(3·5) + …). */
function normalShare(x: number): number {
  let term = x
  let sum = x
  for (let odd = 3; odd < 120; odd += 2) {
    term *= (x * x) / odd
    sum += term
  }
  const density = exponential((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  return 0.5 + density * sum
}
