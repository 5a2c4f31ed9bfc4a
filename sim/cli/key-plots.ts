/** Plots of figures against the key that is swept. */
import * as Plot from '@observablehq/plot'
import { kindOf } from './figures.ts'
import { type Frame, MOST_ARMS } from './frame.ts'
import type { Value } from './keys.ts'
import { colorsFor, draw, type Picture } from './picture.ts'

/** From so many times as much on, an axis is better logarithmic. */
const LOGARITHMIC_FROM = 20

/** Three figures would be too many lines where several keys are swept. */
export function latency(frame: Frame): Picture | undefined {
  const isOne = Object.keys(frame.results.study.sweep).length < 2
  const figures = isOne ? ['p50Ms', 'p90Ms', 'p99Ms'] : ['p99Ms']
  return againstKey(frame, 'latency', 'Latency', figures, isOne ? 'ms' : 'ms until 99 % have it')
}

/** Figures against the first swept key, a line for each figure, or for each combination of the other keys. */
export function againstKey(
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
