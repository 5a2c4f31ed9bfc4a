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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function milliseconds(seconds: number): string {
  return `${Number((1000 * seconds).toPrecision(3))} ms`
}
