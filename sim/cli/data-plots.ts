/** Plots of depth D: what a contributor earns over the year, and where the threshold goes. */
import * as Plot from '@observablehq/plot'
import { bandsOf } from './bands.ts'
import { bands, type Frame, SEEDS_BAND } from './frame.ts'
import type { Table } from './outcome.ts'
import { draw, type Picture } from './picture.ts'

const DAY_SECONDS = 86_400

export function earnings(frame: Frame, seconds: Table): Picture {
  return overYear(frame, seconds, 'earned', {
    ...{ name: 'earnings', title: 'A contributor’s earnings over the year' },
    subtitle: `All that it was paid so far, before bonds and the cost of data · ${SEEDS_BAND}`,
    label: '↑ earned (mOPEN)',
  })
}

export function threshold(frame: Frame, seconds: Table): Picture {
  return overYear(frame, seconds, 'strictness', {
    ...{ name: 'threshold', title: 'The threshold of pay over the year' },
    subtitle: `How far above noise a contributor’s total must stand to be paid · ${SEEDS_BAND}`,
    label: '↑ deviations of noise',
  })
}

interface Words {
  readonly name: string
  readonly title: string
  readonly subtitle: string
  readonly label: string
}

function overYear(frame: Frame, seconds: Table, column: string, words: Words): Picture {
  const { label, ...told } = words
  const points = bandsOf(seconds, 'atSeconds', column)
  const inDays = points.map((point) => ({ ...point, x: point.x / DAY_SECONDS }))
  return draw({
    ...{ ...frame, ...told },
    options: {
      x: { label: 'virtual time (days) →' },
      y: { label, zero: true, grid: true, nice: true },
      marks: [Plot.ruleY([0]), ...bands(frame, inDays)],
    },
  })
}
