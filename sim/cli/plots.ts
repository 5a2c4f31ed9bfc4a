/** The standard plots of a study: only those that its tables have something to show for. */
import * as Plot from '@observablehq/plot'
import { type BandPoint, bandsOf, times } from './bands.ts'
import { earnings, threshold } from './data-plots.ts'
import { detection, gain, loadBesideStake, lorenz, slashed, slashing } from './economy-plots.ts'
import { kindOf } from './figures.ts'
import { bands, type Frame, frameOf, kneeOf, SEEDS_BAND, until } from './frame.ts'
import { againstKey, latency } from './key-plots.ts'
import { DEPTHS } from './keys.ts'
import type { Table } from './outcome.ts'
import { draw, type Picture } from './picture.ts'
import type { Results } from './results.ts'
import { finding, metAndMeshed, untilFound, whoFound } from './routing-plots.ts'
import { having, throughput, untilThey } from './transfer-plots.ts'

export function picturesOf(results: Results): Picture[] {
  const frame = frameOf(results)
  const { reach, seconds, messages, upload, pay, load } = results.tables
  const [isGossip, isProtocol, isEconomy, isTransfer, isRouting, isData] = DEPTHS.map(
    (depth) => results.study.depth === depth,
  )
  const pictures = [
    reach && overTime(frame, reach),
    isRouting && whoFound(frame),
    isRouting && untilFound(frame),
    isRouting && metAndMeshed(frame),
    isTransfer && untilThey(frame),
    isTransfer &&
      againstKey(frame, 'wasted', 'Came for nothing', ['wastedShare'], 'bytes a byte of use'),
    isTransfer && seconds && throughput(frame, seconds),
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
    isProtocol && seconds && jobsSettled(frame, seconds),
    isProtocol && counters(frame),
    isProtocol && hasAdversaries(results) && adversaryGain(frame),
    isProtocol && slashed(frame),
    isEconomy && gain(frame),
    isEconomy && detection(frame),
    isEconomy && seconds && slashing(frame, seconds),
    isEconomy && againstKey(frame, 'gini', 'Gini of workers’ incomes', ['workerGini'], 'Gini'),
    isData && againstKey(frame, 'gain', 'Profit beyond honest data', ['gain'], 'mOPEN'),
    isData && seconds && earnings(frame, seconds),
    isData && seconds && threshold(frame, seconds),
    pay && lorenz(frame, pay),
    load && loadBesideStake(frame, load),
  ]
  return pictures.filter((picture) => typeof picture === 'object')
}

function overTime(frame: Frame, reach: Table): Picture {
  const { depth } = frame.results.study
  if (depth === 'transfer') return having(frame, reach)
  return depth === 'routing' ? finding(frame, reach) : reachOverTime(frame, reach)
}

function hasAdversaries({ summary }: Results): boolean {
  return summary.arms.some(({ figures }) => (figures['honestCost']?.mean ?? 0) > 0)
}

function adversaryGain(frame: Frame): Picture | undefined {
  const title = 'Adversaries’ profit beyond honest profit'
  return againstKey(frame, 'adversaries', title, ['adversaryGain'], 'gwei')
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

function reachOverTime(frame: Frame, table: Table): Picture {
  const points = times(100, bandsOf(table, 'afterMs', 'share'))
  const lastMs = Math.max(100, kneeOf(frame, points))
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

function reachByMessage(frame: Frame, table: Table): Picture {
  const points = times(100, bandsOf(table, 'atSeconds', 'reach'))
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
  const points = times(1 / 1024, bandsOf(table, 'atSeconds', 'bytesPerNode'))
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
    'hushed',
    'cut',
    'forged',
    'refusals',
    'crashes',
    'partitions',
    'outages',
    'verdicts',
    'demands',
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
