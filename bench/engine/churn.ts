/** Ten thousand requests that come and go: resident memory must not grow with them. */
import type { Figure } from '../figure.ts'
import { inProcess, trend, WITHIN_NOISE } from './measure.ts'

export async function* churn(): AsyncIterable<Figure> {
  const samples = await inProcess<number[]>('churn-process.ts')
  const { slope, error } = trend(samples)
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const all = samples.length
  yield {
    name: 'resident memory slope over 10,000 requests, in standard errors',
    value: slope <= 0 ? 0 : slope / error,
    unit: '',
    bar: { atMost: WITHIN_NOISE },
    note: `${mebibytes(slope * all)} ± ${mebibytes(error * all)} a 10,000 requests; from ${mebibytes(samples[0]!)} to ${mebibytes(samples.at(-1)!)}, between ${mebibytes(Math.min(...samples))} and ${mebibytes(Math.max(...samples))}; 8 at once, a tenth cancelled`,
  }
}
