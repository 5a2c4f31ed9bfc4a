/** Plots of depth K: who finds a content, how soon, and among whom newcomers come to be. */
import * as Plot from '@observablehq/plot'
import { bandsOf, times } from './bands.ts'
import { bands, type Frame, kneeOf, SEEDS_BAND, until } from './frame.ts'
import { againstKey } from './key-plots.ts'
import type { Table } from './outcome.ts'
import { draw, type Picture } from './picture.ts'

export function finding(frame: Frame, table: Table): Picture {
  const inMs = times(100, bandsOf(table, 'afterMs', 'share'))
  const points = inMs.map((point) => ({ ...point, x: point.x / 1000 }))
  const lastSeconds = Math.max(1, kneeOf(frame, points))
  return draw({
    ...{ ...frame, name: 'finding', title: 'Who has the content' },
    subtitle: `Share of those that want it, by time since they do · ${SEEDS_BAND}`,
    options: {
      x: { label: 'time since it was wanted (s) →', domain: [0, lastSeconds] },
      y: { label: '↑ have it (%)', domain: [0, 100], grid: true },
      marks: [Plot.ruleY([0]), ...bands(frame, until(lastSeconds, points))],
    },
  })
}

/** Two figures would be too many lines where several keys are swept. */
export function whoFound(frame: Frame): Picture | undefined {
  const figures = isOne(frame) ? ['foundShare', 'namedShare'] : ['foundShare']
  return againstKey(frame, 'found', 'Found', figures, 'share of those that want it')
}

export function untilFound(frame: Frame): Picture | undefined {
  const figures = isOne(frame) ? ['p50Seconds', 'p90Seconds'] : ['p90Seconds']
  const unit = isOne(frame) ? 's' : 's until 90 % have it'
  return againstKey(frame, 'waiting', 'Time to the first block', figures, unit)
}

/** Only where somebody comes new. */
export function metAndMeshed(frame: Frame): Picture | undefined {
  const { summary } = frame.results
  if (summary.arms.every(({ figures }) => figures['neighbours']!.mean === 0)) return undefined
  const figures = isOne(frame) ? ['metShare', 'meshShare', 'honestShare'] : ['meshShare']
  const unit = isOne(frame) ? 'share' : 'share in the honest mesh'
  return againstKey(frame, 'newcomers', 'Newcomers after a minute', figures, unit)
}

function isOne({ results }: Frame): boolean {
  return Object.keys(results.study.sweep).length < 2
}
