/** What seeds tell of a mean. */

export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** 97.5 % quantiles of Student's distribution, for 1 to 30 degrees of freedom; beyond them the normal one's is close. */
export const QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
]

/** The mean with its 95 % interval, from a value a seed; at least two are needed. */
export function intervalOf(values: readonly number[]): Interval {
  const count = values.length
  if (count < 2) throw new RangeError(`${count} values give no interval; take at least 2 seeds`)
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0)
  const half = (QUANTILES[count - 2] ?? 1.96) * Math.sqrt(squares / (count - 1) / count)
  return { mean, low: mean - half, high: mean + half }
}

/** How far from zero the interval stays, with its sign: 0 where it holds zero, so that chance shows no profit. */
export function surely({ low, high }: Interval): number {
  if (low > 0) return low
  return high < 0 ? high : 0
}
