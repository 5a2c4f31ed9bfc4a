/** The standard plots of a study: only those that its tables have something to show for. */
import * as Plot from '@observablehq/plot'
import { type BandPoint, bandsOf } from './bands.ts'
import { kindOf } from './figures.ts'
import { SECTIONS, type Value } from './keys.ts'
import type { Table } from './outcome.ts'
import { colorsFor, draw, type Legend, type Picture } from './picture.ts'
import type { Results } from './results.ts'

/** As many lines as can be told apart. */
const MOST_ARMS = 8
/** From so many times as much on, an axis is better logarithmic. */
const LOGARITHMIC_FROM = 20

/** What all plots of a study share. */
interface Frame {
  readonly results: Results
  /** Arms with a line of their own. */
  readonly shown: readonly number[]
  readonly legend: Legend
  readonly footer: string
  readonly colorOf: (arm: number) => string
}

export function picturesOf(results: Results): Picture[] {
  const frame = frameOf(results)
  const { reach, seconds, messages, upload } = results.tables
  const isGossip = results.study.depth === 'gossip'
  const pictures = [
    reach && reachOverTime(frame, reach),
    isGossip && latency(frame),
    upload && uploads(frame, upload),
    isGossip &&
      againstKey(
        frame,
        'duplicates',
        'Duplicates',
        ['duplicates'],
        'copies beyond the first, a delivery',
      ),
    messages && goesWrong(results) && reachByMessage(frame, messages),
    isGossip && seconds && traffic(frame, seconds),
    !isGossip && seconds && jobsSettled(frame, seconds),
    !isGossip && counters(frame),
  ]
  return pictures.filter((picture) => typeof picture === 'object')
}

function frameOf(results: Results): Frame {
  const { arms, summary, folder } = results
  const shown = arms.slice(0, MOST_ARMS).map(({ index }) => index)
  const keys = Object.keys(results.study.sweep)
  const areOrdered =
    keys.length === 1 && arms.every(({ values }) => typeof values[keys[0]!] === 'number')
  const colors = colorsFor(shown.length, areOrdered)
  const seeds = summary.seeds.length
  const left = arms.length - shown.length
  const of = left > 0 ? `, the first ${shown.length} of ${arms.length} arms` : ''
  const hash = folder.split('-').at(-1)
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

function goesWrong({ study }: Results): boolean {
  const { faults, adversaries } = study.settings
  const isOn = (key: string, value: unknown) =>
    !key.endsWith('Ms') &&
    key !== 'sybilDials' &&
    ((typeof value === 'number' && value > 0) || (Array.isArray(value) && value.length > 0))
  const swept = Object.keys(study.sweep).some((path) => /^(faults|adversaries)\./.test(path))
  return (
    swept || Object.entries({ ...faults, ...adversaries }).some(([key, value]) => isOn(key, value))
  )
}

const SEEDS_BAND = 'line: mean over seeds; band: least to most'

/** Lines of the arms shown with bands over their seeds. */
function bands(frame: Frame, points: readonly BandPoint[]): Plot.Markish[] {
  const data = points.filter(({ arm }) => frame.shown.includes(arm))
  const color = ({ arm }: BandPoint) => frame.colorOf(arm)
  const z = 'arm'
  return [
    Plot.areaY(data, { x: 'x', y1: 'least', y2: 'most', z, fill: color, fillOpacity: 0.16 }),
    Plot.lineY(data, { x: 'x', y: 'mean', z, stroke: color, strokeWidth: 2 }),
  ]
}

function reachOverTime(frame: Frame, table: Table): Picture {
  const points = bandsOf(table, 'afterMs', 'share').map((point) => ({
    ...point,
    mean: 100 * point.mean,
    least: 100 * point.least,
    most: 100 * point.most,
  }))
  const lastMs = kneeOf(frame, points)
  return draw({
    ...{ ...frame, name: 'reach', title: 'Reach over time' },
    subtitle: `Share of the nodes that have a message, by time since publication · ${SEEDS_BAND}`,
    options: {
      x: { label: 'time since publication (ms) →', domain: [0, lastMs] },
      y: { label: '↑ nodes reached (%)', domain: [0, 100], grid: true },
      marks: [Plot.ruleY([0]), ...bands(frame, until(lastMs, points))],
    },
  })
}

/** The points up to there, each arm's curve drawn on to there: who was done before stays done. */
function until(lastX: number, points: readonly BandPoint[]): BandPoint[] {
  const inside = points.filter(({ x }) => x <= lastX)
  const ends = new Map(inside.map((point) => [point.arm, point]))
  return [...inside, ...[...ends.values()].map((point) => ({ ...point, x: lastX }))]
}

/** Where the slowest arm shown has come to all but a thousandth of what it comes to, with room to see that. */
function kneeOf({ shown }: Frame, points: readonly BandPoint[]): number {
  const ends = shown.map((arm) => {
    const own = points.filter((point) => point.arm === arm)
    const most = own.at(-1)?.mean ?? 0
    return own.find(({ mean }) => mean >= 0.995 * most)?.x ?? 0
  })
  return Math.max(100, 1.25 * Math.max(...ends))
}

function uploads(frame: Frame, table: Table): Picture {
  const points = bandsOf(table, 'percentile', 'bytesPerSecond').filter(({ arm }) =>
    frame.shown.includes(arm),
  )
  const inKibibytes = points.map((point) => ({ ...point, kibibytes: point.mean / 1024 }))
  return draw({
    ...{ ...frame, name: 'bandwidth', title: 'Bandwidth a node' },
    subtitle: 'Share of the honest nodes that upload at most so much, mean over seeds',
    options: {
      x: { label: 'upload (KiB/s) →', zero: true, nice: true },
      y: { label: '↑ nodes (%)', domain: [0, 100], grid: true },
      marks: [
        Plot.ruleY([0]),
        Plot.line(inKibibytes, {
          x: 'kibibytes',
          y: 'x',
          z: 'arm',
          stroke: ({ arm }: BandPoint) => frame.colorOf(arm),
          strokeWidth: 2,
        }),
      ],
    },
  })
}

/** Three figures would be too many lines where several keys are swept. */
function latency(frame: Frame): Picture | undefined {
  const isOne = Object.keys(frame.results.study.sweep).length < 2
  const figures = isOne ? ['p50Ms', 'p90Ms', 'p99Ms'] : ['p99Ms']
  return againstKey(frame, 'latency', 'Latency', figures, isOne ? 'ms' : 'ms until 99 % have it')
}

/** Figures against the first swept key, a line for each figure, or for each combination of the other keys. */
function againstKey(
  frame: Frame,
  name: string,
  title: string,
  figures: readonly string[],
  unit: string,
): Picture | undefined {
  const { study, arms, summary } = frame.results
  const [key, ...others] = Object.keys(study.sweep)
  if (key === undefined) return undefined
  const word = key.split('.')[1]!
  const rows = arms.flatMap(({ index, values }) =>
    figures.map((figure) => {
      const { mean, low, high } = summary.arms[index]!.figures[figure]!
      const rest = others.map((other) => `${other.split('.')[1]} ${String(values[other])}`)
      const series = [...(figures.length > 1 ? [kindOf(study.depth, figure).title] : []), ...rest]
      return { x: placeOf(values[key]!), series: series.join(', '), mean, low, high }
    }),
  )
  const labels = [...new Set(rows.map(({ series }) => series))].slice(0, MOST_ARMS)
  const colors = colorsFor(labels.length, false)
  const data = rows.filter(({ series }) => labels.includes(series))
  const color = ({ series }: Row) => colors[labels.indexOf(series)]!
  const isNumber = data.every(({ x }) => typeof x === 'number')
  return draw({
    ...{ ...frame, name, title: `${title} against ${word}`, legend: { labels, colors } },
    subtitle: 'Mean over seeds; thin bars: 95 % interval',
    options: {
      y: { label: `↑ ${unit}`, zero: true, grid: true, nice: true },
      ...(isNumber ? linesBySize(data, word, color) : barsByWord(data, word, labels, color)),
    },
  })
}

function placeOf(value: Value): number | string {
  if (typeof value === 'number') return value
  return typeof value === 'string' ? value : value.join('+') || 'none'
}

interface Row {
  readonly x: number | string
  readonly series: string
  readonly mean: number
  readonly low: number
  readonly high: number
}

function linesBySize(
  data: readonly Row[],
  word: string,
  stroke: (row: Row) => string,
): Plot.PlotOptions {
  return {
    x: { label: `${word} →`, inset: 8, ...scaleOf(data.map(({ x }) => x as number)) },
    marks: [
      Plot.ruleY([0]),
      Plot.ruleX(data, { x: 'x', y1: 'low', y2: 'high', stroke, strokeWidth: 1.5 }),
      Plot.line(data, { x: 'x', y: 'mean', z: 'series', stroke, strokeWidth: 2 }),
      Plot.dot(data, { x: 'x', y: 'mean', fill: stroke, r: 4, stroke: 'white' }),
    ],
  }
}

/** Between words there is no way that a line could go. */
function barsByWord(
  data: readonly Row[],
  word: string,
  labels: readonly string[],
  fill: (row: Row) => string,
): Plot.PlotOptions {
  const place = { fx: 'x', x: 'series' }
  return {
    x: { axis: null, domain: labels, padding: 0.15 },
    fx: { label: word, domain: [...new Set(data.map(({ x }) => x))], padding: 0.25 },
    marks: [
      Plot.ruleY([0]),
      Plot.barY(data, { ...place, y: 'mean', fill }),
      Plot.ruleX(data, { ...place, y1: 'low', y2: 'high', stroke: '#1b2733', strokeWidth: 1.5 }),
    ],
  }
}

/** Numbers by their size, or by its logarithm where they are far apart. */
function scaleOf(values: readonly number[]): Plot.ScaleOptions {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const ticks = [...new Set(values)]
  const tickFormat = (value: number) => value.toLocaleString('en')
  const isFar = least > 0 && most / least >= LOGARITHMIC_FROM
  if (isFar) return { type: 'log', ticks, tickFormat } as Plot.ScaleOptions
  return { nice: true, ...(ticks.length <= 8 && { ticks }) } as Plot.ScaleOptions
}

function reachByMessage(frame: Frame, table: Table): Picture {
  const points = bandsOf(table, 'atSeconds', 'reach').map((point) => ({
    ...point,
    mean: 100 * point.mean,
    least: 100 * point.least,
    most: 100 * point.most,
  }))
  return draw({
    ...{ ...frame, name: 'messages', title: 'Reach of each message' },
    subtitle: `Share of the nodes that a message came to in the end · ${SEEDS_BAND}`,
    options: {
      x: { label: 'published after (virtual s) →' },
      y: { label: '↑ nodes reached (%)', domain: [0, 100], grid: true },
      marks: [Plot.ruleY([0]), ...bands(frame, points)],
    },
  })
}

function traffic(frame: Frame, table: Table): Picture {
  const points = bandsOf(table, 'atSeconds', 'bytesPerNode').map((point) => ({
    ...point,
    mean: point.mean / 1024,
    least: point.least / 1024,
    most: point.most / 1024,
  }))
  return draw({
    ...{ ...frame, name: 'traffic', title: 'Traffic over time' },
    subtitle: `Sent in each second by an honest node, on average · ${SEEDS_BAND}`,
    options: {
      x: { label: 'virtual time since the first message (s) →' },
      y: { label: '↑ KiB/s a node', zero: true, grid: true, nice: true },
      marks: [Plot.ruleY([0]), ...bands(frame, points)],
    },
  })
}

function jobsSettled(frame: Frame, table: Table): Picture {
  return draw({
    ...{ ...frame, name: 'jobs', title: 'Jobs settled over time' },
    subtitle: `Jobs whose receipts stand in a batch on the chain · ${SEEDS_BAND}`,
    options: {
      x: { label: 'virtual time (s) →' },
      y: { label: '↑ jobs settled', zero: true, grid: true, nice: true },
      marks: [Plot.ruleY([0]), ...bands(frame, bandsOf(table, 'atSeconds', 'settled'))],
    },
  })
}

/** What the faults did, by arm: only what happened at all. */
function counters(frame: Frame): Picture | undefined {
  const { summary, study } = frame.results
  const names = [
    'lost',
    'doubled',
    'cut',
    'forged',
    'refusals',
    'crashes',
    'partitions',
    'verdicts',
  ]
  const rows = frame.shown.flatMap((arm) =>
    names.map((counter) => ({ arm, counter, ...summary.arms[arm]!.figures[counter]! })),
  )
  const fired = names.filter((name) =>
    rows.some(({ counter, mean }) => counter === name && mean > 0),
  )
  if (fired.length === 0) return undefined
  const data = rows.filter(({ counter }) => fired.includes(counter))
  const fill = ({ arm }: { arm: number }) => frame.colorOf(arm)
  const fy = ({ counter }: { counter: string }) => kindOf(study.depth, counter).title
  return draw({
    ...{ ...frame, name: 'faults', title: 'What the faults did' },
    subtitle: 'Times each happened in a run, mean over seeds; lengths are logarithmic',
    options: {
      marginLeft: 90,
      marginRight: 60,
      x: { type: 'symlog', axis: null },
      y: { axis: null, type: 'band', padding: 0.1 },
      fy: { label: null, domain: fired, padding: 0.25 },
      marks: [
        Plot.barX(data, { x: 'mean', y: 'arm', fy, fill }),
        Plot.text(data, {
          ...{ x: 'mean', y: 'arm', fy, textAnchor: 'start', dx: 5 },
          text: ({ mean }: { mean: number }) =>
            mean.toLocaleString('en', { maximumFractionDigits: 1 }),
        }),
      ],
    },
  })
}
