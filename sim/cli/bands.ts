/** Curves over seeds as one line with a band around it, ready to be drawn. */
import type { Table } from './outcome.ts'
import { estimate } from './statistics.ts'

export interface BandPoint {
  readonly arm: number
  readonly x: number
  readonly mean: number
  /** Least and most over the seeds. */
  readonly least: number
  readonly most: number
}

/**
 * For each arm and x the mean over seeds, with least and most. A curve that ends early keeps its last value, as what has
 * come to its end does.
 * @param ended what it is instead, behind its end
 */
export function bandsOf(table: Table, xName: string, yName: string, ended?: number): BandPoint[] {
  const [x, y] = [table.columns.indexOf(xName), table.columns.indexOf(yName)]
  const arms = new Map<number, Map<number, Map<number, number>>>()
  for (const row of table.rows) {
    const seeds = valueOr(arms, row[0]!, () => new Map<number, Map<number, number>>())
    valueOr(seeds, row[1]!, () => new Map<number, number>()).set(row[x]!, row[y]!)
  }
  return [...arms].flatMap(([arm, seeds]) => bandOf(arm, [...seeds.values()], ended))
}

/** The same in another unit. */
export function times(factor: number, points: readonly BandPoint[]): BandPoint[] {
  return points.map((point) => ({
    ...point,
    mean: factor * point.mean,
    least: factor * point.least,
    most: factor * point.most,
  }))
}

function bandOf(
  arm: number,
  curves: readonly Map<number, number>[],
  ended: number | undefined,
): BandPoint[] {
  // Rows of a run are in the order of x.
  const ends = curves.map((curve) => [...curve.keys()].at(-1)!)
  const xs = [...new Set(curves.flatMap((curve) => [...curve.keys()]))].sort((a, b) => a - b)
  const last = curves.map(() => Number.NaN)
  return xs.flatMap((x) => {
    curves.forEach((curve, index) => {
      const after = x > ends[index]! ? ended : undefined
      last[index] = curve.get(x) ?? after ?? last[index]!
    })
    const values = last.filter((value) => !Number.isNaN(value))
    if (values.length === 0) return []
    const { mean } = estimate(values)
    return [{ arm, x, mean, least: Math.min(...values), most: Math.max(...values) }]
  })
}

function valueOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make()
  map.set(key, found)
  return found
}
