/** Plots of figures against the key that is swept. */
import * as Plot from '@observablehq/plot'
import { kindOf } from './figures.ts'
import { type Frame, MOST_ARMS } from './frame.ts'
import type { Value } from './keys.ts'
import { colorsFor, draw, linesOf, type Picture } from './picture.ts'

/** From so many times as much on, an axis is better logarithmic. */
const LOGARITHMIC_FROM = 20
const GWEI_AN_OPEN = 1e9
/** From so much on, gwei have more digits than the axis has room for. */
const MUCH_GWEI = 1e6
/** Words under bars: room for them all and for the axis itself, a line and a letter of theirs, in pixels. */
const ROOM = { width: 664, below: 46, line: 13, letter: 6.6 }
/** Narrower than this, a word would be broken more often than read. */
const LEAST_LETTERS = 8

interface Scales {
  /** The first that is swept, unless another is given. */
  readonly key?: string | undefined
  readonly y?: Plot.ScaleOptions
}

const FROM_ZERO = { zero: true, nice: true }
/** Where all is nothing, an axis has no scale of its own. */
const ONE = { domain: [0, 1] }

/** Three figures would be too many lines where several keys are swept. */
export function latency(frame: Frame): Picture | undefined {
  const isOne = Object.keys(frame.results.study.sweep).length < 2
  const figures = isOne ? ['p50Ms', 'p90Ms', 'p99Ms'] : ['p99Ms']
  return againstKey(frame, 'latency', 'Latency', figures, isOne ? 'ms' : 'ms until 99 % have it')
}

/** Figures against a swept key, the first, a line for each figure, or for each combination of the other keys. */
export function againstKey(
  frame: Frame,
  name: string,
  title: string,
  figures: readonly string[],
  unit: string,
  { key = Object.keys(frame.results.study.sweep)[0], y = FROM_ZERO }: Scales = {},
): Picture | undefined {
  const { study, arms, summary } = frame.results
  if (key === undefined) return undefined
  const others = Object.keys(study.sweep).filter((other) => other !== key)
  const word = key.split('.')[1]!
  const rows = arms.flatMap(({ index, values }) =>
    figures.map((figure) => {
      const { mean, low, high } = summary.arms[index]!.figures[figure]!
      const rest = others.map((other) => `${other.split('.')[1]} ${String(values[other])}`)
      const series = [...(figures.length > 1 ? [kindOf(study.depth, figure).title] : []), ...rest]
      return { x: placeOf(values[key]!), series: series.join(', '), mean, low, high }
    }),
  )
  const { unit: told, data } = legible(unit, rows)
  const labels = [...new Set(rows.map(({ series }) => series))].slice(0, MOST_ARMS)
  const colors = colorsFor(labels.length, false)
  const shown = data.filter(({ series }) => labels.includes(series))
  const color = ({ series }: Row) => colors[labels.indexOf(series)]!
  const isNumber = shown.every(({ x }) => typeof x === 'number')
  return draw({
    ...{ ...frame, name, title: `${title} against ${word}`, legend: { labels, colors } },
    subtitle: 'Mean over seeds; thin bars: 95 % interval',
    options: {
      y: { label: `↑ ${told}`, grid: true, ...(shown.every(isNothing) ? ONE : y) },
      ...(isNumber ? linesBySize(shown, word, color) : barsByWord(shown, word, labels, color)),
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

/** Stakes, and what many jobs pay, are told in OPEN: an axis whose first digits are cut off tells something else. */
function legible(unit: string, rows: readonly Row[]): { unit: string; data: readonly Row[] } {
  const isMuch = rows.some(({ low, high }) => Math.max(-low, high) >= MUCH_GWEI)
  if (unit !== 'gwei' || !isMuch) return { unit, data: rows }
  const inOpen = (gwei: number) => gwei / GWEI_AN_OPEN
  return {
    unit: 'OPEN',
    data: rows.map((row) => ({
      ...row,
      ...{ mean: inOpen(row.mean), low: inOpen(row.low), high: inOpen(row.high) },
    })),
  }
}

function isNothing({ low, high }: Row): boolean {
  return low === 0 && high === 0
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
  const words = [...new Set(data.map(({ x }) => x))]
  const letters = Math.max(LEAST_LETTERS, Math.floor(ROOM.width / words.length / ROOM.letter))
  const wrapped = (text: number | string) => linesOf(String(text), letters)
  const lines = Math.max(...words.map((text) => wrapped(text).length))
  return {
    marginBottom: ROOM.below + (lines - 1) * ROOM.line,
    x: { axis: null, domain: labels, padding: 0.15 },
    fx: {
      ...{ label: word, domain: words, padding: 0.25 },
      tickFormat: (text: number | string) => wrapped(text).join('\n'),
    },
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
  return { nice: true, ...(ticks.length <= 8 && { ticks, tickFormat }) } as Plot.ScaleOptions
}
