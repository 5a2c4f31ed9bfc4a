/** Means with their 95 % intervals, by Student's distribution. */
import { QUANTILES } from '../economy/interval.ts'

export interface Estimate {
  readonly mean: number
  /** The interval's ends; the mean itself where there is one value only. */
  readonly low: number
  readonly high: number
  readonly count: number
}

export function estimate(values: readonly number[]): Estimate {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count < 2) return { mean, low: mean, high: mean, count }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  const half = quantile(count - 1) * Math.sqrt(variance / count)
  return { mean, low: mean - half, high: mean + half, count }
}

/** Beyond the table by its next term, which is right to three digits there. */
function quantile(degrees: number): number {
  return QUANTILES[degrees - 1] ?? 1.96 + 2.372 / degrees + 2.8225 / degrees ** 2
}

/** How much more the one is than the other, seed by seed; seeds that only one has do not count. */
export function pairedDifference(
  one: ReadonlyMap<number, number>,
  other: ReadonlyMap<number, number>,
): Estimate | undefined {
  const differences: number[] = []
  for (const [seed, value] of one) {
    const otherValue = other.get(seed)
    if (otherValue !== undefined) differences.push(value - otherValue)
  }
  return differences.length === 0 ? undefined : estimate(differences)
}

/** Whether zero lies outside: a difference that chance alone explains in one case of twenty at most. */
export function isClear({ low, high, count }: Estimate): boolean {
  return count > 1 && (low > 0 || high < 0)
}
