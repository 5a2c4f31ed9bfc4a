/** One run of depth K, watched second by second. */
import { reportOf, tookUsOf } from '../routing/report.ts'
import { RoutingRun } from '../routing/routing-run.ts'
import { routingOf } from './arms.ts'
import { asked, type OnProgress, type Order, type Outcome } from './outcome.ts'

const SECOND_US = 1_000_000
/** Points of a curve in time: every 20 ms for two seconds, and every half second for ten minutes. */
const CURVE_MS = [
  ...Array.from({ length: 100 }, (_, index) => 20 * (index + 1)),
  ...Array.from({ length: 1196 }, (_, index) => 500 * (index + 5)),
]

export function runRouting(order: Order, onProgress: OnProgress): Outcome {
  const run = new RoutingRun(routingOf(order.settings, order.seed))
  const seconds: number[][] = []
  for (let untilUs = SECOND_US; !run.isOver; untilUs += SECOND_US) {
    const before = run.network.counters.asked
    run.run(untilUs)
    const found = run.fetches.filter(({ isFound }) => isFound).length
    seconds.push([untilUs / SECOND_US, found, run.network.counters.asked - before])
    onProgress(untilUs / SECOND_US)
  }
  const { hash, virtualSeconds, ...figures } = reportOf(run)
  const tables = asked(order, {
    reach: () => ({ columns: ['afterMs', 'share'], rows: curveOf(run) }),
    seconds: () => ({ columns: ['atSeconds', 'found', 'asked'], rows: seconds }),
  })
  const { arm, seed } = order
  return { arm, seed, hash, figures: { ...figures, virtualSeconds }, tables, virtualSeconds }
}

/** Share of those that want the content who had it so long after they began to. */
function curveOf(run: RoutingRun): number[][] {
  const tookUs = tookUsOf(run)
  const longestMs = Math.max(...run.fetches.map(({ sinceUs, endUs }) => endUs - sinceUs)) / 1000
  const rows: number[][] = []
  let having = 0
  for (const afterMs of CURVE_MS) {
    while (having < tookUs.length && tookUs[having]! <= 1000 * afterMs) having++
    rows.push([afterMs, having / run.wanting])
    if (afterMs > longestMs) break
  }
  return rows
}
