/** One run of depth T, watched second by second. */
import { reportOf, tookUsOf } from '../transfer/report.ts'
import { TransferRun } from '../transfer/transfer-run.ts'
import { transferOf } from './arms.ts'
import { asked, type OnProgress, type Order, type Outcome } from './outcome.ts'

const SECOND_US = 1_000_000
/** Points of a curve in time: every 50 ms for ten seconds, every second for ten minutes, and every ten for three hours. */
const CURVE_MS = [
  ...Array.from({ length: 200 }, (_, index) => 50 * (index + 1)),
  ...Array.from({ length: 590 }, (_, index) => 1000 * (index + 11)),
  ...Array.from({ length: 1020 }, (_, index) => 10_000 * (index + 61)),
]
/** Rows of what happened in a second; where a run is longer, each stands for several seconds. */
const MOST_ROWS = 600

export function runTransfer(order: Order, onProgress: OnProgress): Outcome {
  const run = new TransferRun(transferOf(order.settings, order.seed))
  const seconds: number[][] = []
  let before = countsOf(run)
  for (let untilUs = SECOND_US; !run.isOver; untilUs += SECOND_US) {
    run.run(untilUs)
    const now = countsOf(run)
    seconds.push([
      untilUs / SECOND_US,
      run.counters.done,
      ...now.map((sum, at) => sum - before[at]!),
    ])
    before = now
    onProgress(untilUs / SECOND_US)
  }
  const { hash, virtualSeconds, ...figures } = reportOf(run)
  const tables = asked(order, {
    reach: () => ({ columns: ['afterMs', 'share'], rows: curveOf(run) }),
    seconds: () => ({
      columns: ['atSeconds', 'done', 'usefulMiB', 'wastedMiB'],
      rows: thinned(seconds),
    }),
    upload: () => ({
      columns: ['percentile', 'bytesPerSecond'],
      rows: uploadsOf(run, virtualSeconds),
    }),
  })
  const { arm, seed } = order
  return { arm, seed, hash, figures: { ...figures, virtualSeconds }, tables, virtualSeconds }
}

function countsOf({ fromHolders, fromOthers, wasted }: TransferRun): number[] {
  return [(fromHolders + fromOthers) / 2 ** 20, wasted / 2 ** 20]
}

/** Rows of seconds joined so far that there are few enough; what came in them is the mean of a second. */
function thinned(seconds: readonly number[][]): number[][] {
  const joined = Math.ceil(seconds.length / MOST_ROWS)
  const rows = Math.ceil(seconds.length / Math.max(1, joined))
  return Array.from({ length: rows }, (_, index) => {
    const part = seconds.slice(index * joined, (index + 1) * joined)
    const mean = (column: number) => part.reduce((sum, row) => sum + row[column]!, 0) / part.length
    const [atSeconds, done] = part.at(-1)!
    return [atSeconds!, done!, mean(2), mean(3)]
  })
}

/** Share of those that stayed who had the file so long after they began to want it. */
function curveOf(run: TransferRun): number[][] {
  const tookUs = tookUsOf(run)
  const stayed = Math.max(1, run.population.wanters - run.counters.left)
  const rows: number[][] = []
  let having = 0
  for (const afterMs of CURVE_MS) {
    while (having < tookUs.length && tookUs[having]! <= 1000 * afterMs) having++
    rows.push([afterMs, having / stayed])
    if (having === tookUs.length) break
  }
  return rows
}

/** Bytes a second that each node sent on average, of holders and wanters, by percentile. */
function uploadsOf(run: TransferRun, virtualSeconds: number): number[][] {
  const { holders, wanters } = run.population
  const sent = run.uplinks.sentBytes.subarray(0, holders + wanters)
  const sorted = sent.map((bytes) => bytes / Math.max(1e-6, virtualSeconds)).sort()
  const at = (percent: number) => sorted[Math.round(((sorted.length - 1) * percent) / 100)]!
  return Array.from({ length: 101 }, (_, percent) => [percent, at(percent)])
}
