/** Distributions over one another: what share lies at or below each place, a line for each. */
import * as Plot from '@observablehq/plot'
import { type Distribution, quantileOf } from './distributions.ts'
import { colorsFor, draw, type Picture } from './picture.ts'

export interface Line {
  readonly label: string
  readonly distribution: Distribution
}

interface Words {
  /** Name of its file, without ending. */
  readonly name: string
  readonly title: string
  readonly subtitle: string
  readonly footer: string
  /** What lies along the axis, with its unit. */
  readonly axis: string
}

/** As many points as an eye can tell apart along the axis. */
const MOST_POINTS = 400

export function overlay({ axis, ...words }: Words, lines: readonly Line[]): Picture {
  const labels = lines.map(({ label }) => label)
  const colors = colorsFor(labels.length, false)
  const lastX = 1.05 * Math.max(...lines.map(({ distribution }) => quantileOf(distribution, 0.999)))
  return draw({
    ...words,
    legend: { labels, colors },
    options: {
      x: { label: `${axis} →`, domain: [0, lastX] },
      y: { label: '↑ at or below (%)', domain: [0, 100], grid: true },
      marks: [
        Plot.ruleY([0]),
        ...lines.map(({ distribution }, index) =>
          Plot.line(curveOf(distribution, lastX), {
            ...{ curve: 'step-after', stroke: colors[index]! },
            // Where they lie on one another, the first still shows.
            strokeWidth: index === 0 ? 5 : 1.5,
          }),
        ),
      ],
    },
  })
}

/** The last step of each point's width of the axis, from 0 to its end, in hundredths. */
function curveOf({ at, share }: Distribution, lastX: number): [x: number, percent: number][] {
  const curve = new Map<number, [number, number]>([[0, [0, 0]]])
  at.forEach((place, index) => {
    if (place > lastX) return
    curve.set(Math.round((place / lastX) * MOST_POINTS), [place, 100 * share[index]!])
  })
  const last = [...curve.values()].at(-1)!
  return [...curve.values(), [lastX, last[1]]]
}
