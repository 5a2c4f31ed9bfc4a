/** CPU time, taken alternately: the machine is shared, so wall time says little, and both sides must see the same weather. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

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

/** Runs a program of this folder and reads what it prints as JSON: memory is told apart by process only. */
export async function inProcess<T>(program: string, ...args: string[]): Promise<T> {
  const file = fileURLToPath(new URL(`./${program}`, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args])
  return JSON.parse(stdout) as T
}

export function milliseconds(seconds: number): string {
  return `${Number((1000 * seconds).toPrecision(3))} ms`
}

/** Blocks whose means a trend is taken from: samples close in time resemble each other, so single ones would flatter it. */
const BLOCKS = 6
/** 95 % of Student's t with 4 degrees of freedom lie within as many standard errors. */
export const WITHIN_NOISE = 2.78

/** The slope of a series from sample to sample and its standard error, which is beyond chance from WITHIN_NOISE on. */
export function trend(samples: readonly number[]): { slope: number; error: number } {
  const size = Math.floor(samples.length / BLOCKS)
  const blocks = Array.from({ length: BLOCKS }, (_, block) => {
    const values = samples.slice(block * size, (block + 1) * size)
    return [block, values.reduce((sum, value) => sum + value, 0) / size] as const
  })
  const { slope, error } = regression(blocks)
  return { slope: slope / size, error: error / size }
}

/** Least squares: the slope and its standard error. */
function regression(points: readonly (readonly [number, number])[]) {
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  return { slope, error: Math.sqrt(rest / (points.length - 2) / squares) }
}
