/** What all plots of a study share: which arms are shown, in which colours, under which conditions. */
import { basename } from 'node:path'
import * as Plot from '@observablehq/plot'
import type { BandPoint } from './bands.ts'
import { SECTIONS } from './keys.ts'
import { colorsFor, type Legend } from './picture.ts'
import type { Results } from './results.ts'

/** As many lines as can be told apart. */
export const MOST_ARMS = 8
export interface Frame {
  readonly results: Results
  /** Arms with a line of their own. */
  readonly shown: readonly number[]
  readonly legend: Legend
  readonly footer: string
  readonly colorOf: (arm: number) => string
}

export function frameOf(results: Results): Frame {
  const { arms, summary, folder } = results
  const shown = arms.slice(0, MOST_ARMS).map(({ index }) => index)
  const keys = Object.keys(results.study.sweep)
  const areOrdered =
    keys.length === 1 && arms.every(({ values }) => typeof values[keys[0]!] === 'number')
  const colors = colorsFor(shown.length, areOrdered)
  const seeds = summary.seeds.length
  const left = arms.length - shown.length
  const of = left > 0 ? `, the first ${shown.length} of ${arms.length} arms` : ''
  const hash = basename(folder).split('-').at(-1)
  return {
    results,
    shown,
    legend: { labels: shown.map((arm) => arms[arm]!.label), colors },
    footer: `${summary.name} (${hash}): depth ${summary.depth}, ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}${of} · ${conditions(results)}`,
    colorOf: (arm) => colors[shown.indexOf(arm)]!,
  }
}

/** The settings that matter most, other than those swept, as far as there is room. */
function conditions({ study }: Results): string {
  const wanted = [
    'nodes',
    'degree',
    'messageBytes',
    'intervalMs',
    'workers',
    'validators',
    'jobs',
    'mix',
  ]
  const pairs = SECTIONS.flatMap((section) =>
    Object.entries(study.settings[section]).map(([key, value]) => ({
      path: `${section}.${key}`,
      key,
      value,
    })),
  )
  return pairs
    .filter(({ path, key }) => wanted.includes(key) && !(path in study.sweep))
    .map(({ key, value }) => `${key} ${value}`)
    .join(', ')
}

export const SEEDS_BAND = 'line: mean over seeds; band: least to most'

/** Lines of the arms shown with bands over their seeds. */
export function bands(frame: Frame, points: readonly BandPoint[]): Plot.Markish[] {
  const data = points.filter(({ arm }) => frame.shown.includes(arm))
  const color = ({ arm }: BandPoint) => frame.colorOf(arm)
  const z = 'arm'
  return [
    Plot.areaY(data, { x: 'x', y1: 'least', y2: 'most', z, fill: color, fillOpacity: 0.16 }),
    Plot.lineY(data, { x: 'x', y: 'mean', z, stroke: color, strokeWidth: 2 }),
  ]
}
