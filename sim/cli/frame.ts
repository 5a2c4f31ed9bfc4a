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
    'holders',
    'fileMiB',
    'serving',
    'asking',
    'fetching',
    'published',
    'attack',
    'sybils',
    'tale',
    'epochs',
    'contributors',
    'settlements',
    'answers',
    'cheatRate',
    'strategy',
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

/** The points up to there, each arm's curve drawn on to there: who was done before stays done. */
export function until(lastX: number, points: readonly BandPoint[]): BandPoint[] {
  const inside = points.filter(({ x }) => x <= lastX)
  const ends = new Map(inside.map((point) => [point.arm, point]))
  return [...inside, ...[...ends.values()].map((point) => ({ ...point, x: lastX }))]
}

/** Where the slowest arm shown has come to all but a thousandth of what it comes to, with room to see that. */
export function kneeOf({ shown }: Frame, points: readonly BandPoint[]): number {
  const ends = shown.map((arm) => {
    const own = points.filter((point) => point.arm === arm)
    const most = own.at(-1)?.mean ?? 0
    return own.find(({ mean }) => mean >= 0.995 * most)?.x ?? 0
  })
  return 1.25 * Math.max(...ends)
}
