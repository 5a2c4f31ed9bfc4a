/** Plots of who earns what: how pay is spread, load beside stake, what cheating comes to, and what is slashed. */
import * as Plot from '@observablehq/plot'
import { type BandPoint, bandsOf, times } from './bands.ts'
import { bands, type Frame, SEEDS_BAND } from './frame.ts'
import { againstKey } from './key-plots.ts'
import type { Table } from './outcome.ts'
import { draw, type Picture } from './picture.ts'
import { estimate } from './statistics.ts'

const DAY_SECONDS = 86_400
const CHEAT_RATE = 'adversaries.cheatRate'

export function lorenz(frame: Frame, pay: Table): Picture {
  const who = frame.results.study.depth === 'data' ? 'contributors' : 'workers'
  const percent = times(100, bandsOf(pay, 'workersShare', 'payShare'))
  const points = percent.map((point) => ({ ...point, x: 100 * point.x }))
  return draw({
    ...{ ...frame, name: 'lorenz', title: `Lorenz curve of ${who}’ pay` },
    subtitle: `What the poorest have together; dotted: all have the same · ${SEEDS_BAND}`,
    options: {
      x: { label: `${who}, the poorest first (%) →`, domain: [0, 100] },
      y: { label: '↑ share of all pay (%)', domain: [0, 100], grid: true },
      marks: [Plot.ruleY([0]), diagonal(100), ...bands(frame, points)],
    },
  })
}

export function loadBesideStake(frame: Frame, table: Table): Picture {
  const dots = groupsOf(table).filter(({ arm }) => frame.shown.includes(arm))
  const most = Math.max(1, ...dots.flatMap(({ stake, done }) => [stake, done]))
  const fill = ({ arm }: Group) => frame.colorOf(arm)
  return draw({
    ...{ ...frame, name: 'load', title: 'Load beside stake' },
    subtitle:
      'Workers by their stake, in up to a hundred groups of one size, mean over seeds; dotted: load as stake',
    options: {
      x: { label: 'stake of a worker (times the mean) →', domain: [0, most], nice: true },
      y: {
        label: '↑ jobs of a worker (times the mean)',
        domain: [0, most],
        grid: true,
        nice: true,
      },
      marks: [
        Plot.ruleY([0]),
        diagonal(most),
        Plot.dot(dots, { x: 'stake', y: 'done', fill, r: 3, fillOpacity: 0.7 }),
      ],
    },
  })
}

/** At depth E, month by month; only where somebody lost stake. */
export function slashing(frame: Frame, seconds: Table): Picture | undefined {
  const [ring, honest] = ['ringSlashed', 'honestSlashed'].map((name) => {
    const points = bandsOf(seconds, 'atSeconds', name)
    return points.map((point) => ({ ...point, x: point.x / DAY_SECONDS }))
  })
  const hasLost = (points: readonly BandPoint[]) =>
    points.some(({ arm, most }) => most > 0 && frame.shown.includes(arm))
  if (!hasLost(ring!) && !hasLost(honest!)) return undefined
  const others = hasLost(honest!) ? [dashes(frame, honest!)] : []
  return draw({
    ...{ ...frame, name: 'slashing', title: 'Slashed stake over time' },
    subtitle: `What the ring has lost${others.length > 0 ? '; dashed: what honest nodes have' : ''} · ${SEEDS_BAND}`,
    options: {
      x: { label: 'virtual time (days) →' },
      y: { label: '↑ OPEN', zero: true, grid: true, nice: true },
      marks: [Plot.ruleY([0]), ...bands(frame, ring!), ...others],
    },
  })
}

/** At depth P, only where an adversary lost stake. */
export function slashed(frame: Frame): Picture | undefined {
  const hasLost = frame.results.summary.arms.some(
    ({ figures }) => (figures['adversarySlashed']?.mean ?? 0) > 0,
  )
  if (!hasLost) return undefined
  return againstKey(frame, 'slashing', 'Adversaries’ slashed stake', ['adversarySlashed'], 'gwei')
}

/** Against the rate of cheating, where it is swept. */
export function gain(frame: Frame): Picture | undefined {
  const key = isRateSwept(frame) ? CHEAT_RATE : undefined
  return againstKey(frame, 'gain', 'Profit beyond honesty', ['gain'], 'OPEN', { key })
}

/** Only where the rate is swept, and a ring made false claims. */
export function detection(frame: Frame): Picture | undefined {
  const hasCheated = frame.results.summary.arms.some(
    ({ figures }) => (figures['detectedShare']?.count ?? 0) > 0,
  )
  if (!isRateSwept(frame) || !hasCheated) return undefined
  const [title, unit] = ['Detected false claims', 'share that nobody was paid for']
  // An interval may reach beyond all of them; the axis does not.
  const y = { domain: [0, 1], clamp: true }
  return againstKey(frame, 'detection', title, ['detectedShare'], unit, { key: CHEAT_RATE, y })
}

function isRateSwept({ results }: Frame): boolean {
  return CHEAT_RATE in results.study.sweep
}

function dashes(frame: Frame, points: readonly BandPoint[]): Plot.Markish {
  const data = points.filter(({ arm }) => frame.shown.includes(arm))
  const stroke = ({ arm }: BandPoint) => frame.colorOf(arm)
  return Plot.lineY(data, { x: 'x', y: 'mean', z: 'arm', stroke, strokeDasharray: '6,4' })
}

/** From nothing to as much on both axes. */
function diagonal(most: number): Plot.Markish {
  const ends = [
    [0, 0],
    [most, most],
  ] as const
  return Plot.line(ends, { stroke: '#5d6b78', strokeWidth: 1.5, strokeDasharray: '2,4' })
}

interface Group {
  readonly arm: number
  readonly stake: number
  readonly done: number
}

/** The groups of each arm, each the mean over seeds of those in its place. */
function groupsOf(table: Table): Group[] {
  const [stake, done] = ['stakeShare', 'loadShare'].map((name) => table.columns.indexOf(name))
  const places = new Map<string, (readonly number[])[]>()
  const seen = new Map<string, number>()
  for (const row of table.rows) {
    const run = `${row[0]} ${row[1]}`
    const place = seen.get(run) ?? 0
    seen.set(run, place + 1)
    const name = `${row[0]} ${place}`
    places.set(name, [...(places.get(name) ?? []), row])
  }
  return [...places.values()].map((rows) => ({
    arm: rows[0]![0]!,
    stake: estimate(rows.map((row) => row[stake!]!)).mean,
    done: estimate(rows.map((row) => row[done!]!)).mean,
  }))
}
