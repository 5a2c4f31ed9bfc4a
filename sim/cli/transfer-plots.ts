/** Plots of depth T: who has the file when, and what goes over the lines meanwhile. */
import * as Plot from '@observablehq/plot'
import { bandsOf, times } from './bands.ts'
import { bands, type Frame, kneeOf, SEEDS_BAND, until } from './frame.ts'
import { againstKey } from './key-plots.ts'
import type { Table } from './outcome.ts'
import { draw, type Picture } from './picture.ts'

export function having(frame: Frame, table: Table): Picture {
  const inMs = times(100, bandsOf(table, 'afterMs', 'share'))
  const points = inMs.map((point) => ({ ...point, x: point.x / 1000 }))
  const lastSeconds = kneeOf(frame, points)
  return draw({
    ...{ ...frame, name: 'having', title: 'Who has the file' },
    subtitle: `Share of those that stayed, by time since they began to want it · ${SEEDS_BAND}`,
    options: {
      x: { label: 'time since it was wanted (s) →', domain: [0, lastSeconds] },
      y: { label: '↑ have it (%)', domain: [0, 100], grid: true },
      marks: [Plot.ruleY([0]), ...bands(frame, until(lastSeconds, points))],
    },
  })
}

/** Three figures would be too many lines where several keys are swept. */
export function untilThey(frame: Frame): Picture | undefined {
  const isOne = Object.keys(frame.results.study.sweep).length < 2
  const figures = isOne ? ['p50Seconds', 'p90Seconds', 'p99Seconds'] : ['p90Seconds']
  const unit = isOne ? 's' : 's until 90 % have it'
  return againstKey(frame, 'waiting', 'Time to the whole file', figures, unit)
}

export function throughput(frame: Frame, table: Table): Picture {
  // Where all have it nothing comes any more.
  const points = bandsOf(table, 'atSeconds', 'usefulMiB', 0)
  return draw({
    ...{ ...frame, name: 'throughput', title: 'Throughput over time' },
    subtitle: `Bytes of use that came to all nodes together · ${SEEDS_BAND}`,
    options: {
      x: { label: 'virtual time (s) →' },
      y: { label: '↑ MiB/s', zero: true, grid: true, nice: true },
      marks: [Plot.ruleY([0]), ...bands(frame, points)],
    },
  })
}
