/** CPU time, taken alternately: the machine is shared, so wall time says little, and both sides must see the same weather. */

/** CPU seconds of this process, its threads included, that `work` took. */
export async function cpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

/** Medians of several measurements, each taken once a round. */
export async function alternate<Name extends string>(
  rounds: number,
  measurements: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number>> {
  const taken = new Map<Name, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(measurements) as Name[]) {
      const values = taken.get(name) ?? []
      values.push(await measurements[name]())
      taken.set(name, values)
    }
  }
  const medians = [...taken].map(([name, values]) => [name, median(values)] as const)
  return Object.fromEntries(medians) as Record<Name, number>
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function milliseconds(seconds: number): string {
  return `${Number((1000 * seconds).toPrecision(3))} ms`
}

/** Least squares: the slope and its standard error. */
export function regression(points: readonly (readonly [number, number])[]) {
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  return { slope, error: Math.sqrt(rest / (points.length - 2) / squares) }
}
