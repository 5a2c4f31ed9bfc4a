/** Depth P at size: the whole core of a thousand workers through an hour. */
import type { Figure } from '../figure.ts'
import { here, printed } from './process.ts'

const WORLD = { workers: 1000, validators: 20, jobs: 100 } as const

interface Hour {
  readonly seconds: number
  readonly peakBytes: number
  readonly steps: number
  readonly settled: number
  readonly final: boolean
  readonly virtualMs: number
}

export async function* network(): AsyncIterable<Figure> {
  const hour = await printed<Hour>(
    process.execPath,
    here('network-process.ts'),
    JSON.stringify(WORLD),
  )
  const { workers, validators, jobs } = WORLD
  const size = `${workers} workers, ${validators} validators`
  yield {
    name: `depth P: ${size} × an hour`,
    ...{ value: hour.seconds, unit: 'CPU s', bar: { atMost: 60 } },
    note: `${jobs} jobs, ${hour.steps.toLocaleString('en')} steps in ${Math.round(hour.virtualMs / 1000)} s, ${(hour.peakBytes / 2 ** 20).toFixed(0)} MiB`,
  }
  yield {
    name: `depth P: jobs settled and final, ${size}`,
    ...{ value: hour.final ? hour.settled : 0, unit: `of ${jobs}`, bar: { atLeast: jobs } },
    note: 'one seed',
  }
}
