/** One run of depth F, watched second by second. */
import { GossipRun } from '../gossip/gossip-run.ts'
import type { GossipReport } from '../gossip/report.ts'
import { WARM_UP_US } from '../gossip/scenario.ts'
import { STEP_US } from '../gossip/tally.ts'
import { gossipOf } from './arms.ts'
import { asked, type OnProgress, type Order, type Outcome } from './outcome.ts'

const SECOND_US = 1_000_000
/** The last so many messages tell whether a network has recovered. */
const LAST_MESSAGES = 5
/** Points of the curve of reach: every 5 ms in the first second, every 50 ms to the sixteenth. */
const CURVE_MS = [
  ...Array.from({ length: 200 }, (_, index) => 5 * (index + 1)),
  ...Array.from({ length: 300 }, (_, index) => 1000 + 50 * (index + 1)),
]

export function runGossip(order: Order, onProgress: OnProgress): Outcome {
  const run = new GossipRun(gossipOf(order.settings, order.seed))
  const seconds: number[][] = []
  let before = countsOf(run)
  for (let untilUs = SECOND_US; untilUs < run.endUs; untilUs += SECOND_US) {
    run.run(untilUs)
    const now = countsOf(run)
    seconds.push(secondOf(run, untilUs, now, before))
    before = now
    onProgress(untilUs / SECOND_US)
  }
  const report = run.run()
  const tables = asked(order, {
    reach: () => ({ columns: ['afterMs', 'share'], rows: curveOf(run) }),
    seconds: () => ({ columns: SECOND_COLUMNS, rows: seconds }),
    messages: () => ({ columns: ['message', 'atSeconds', 'reach'], rows: messagesOf(run) }),
    upload: () => ({
      columns: ['percentile', 'bytesPerSecond'],
      rows: percentilesOf(uploadsOf(run)),
    }),
  })
  const { arm, seed } = order
  const virtualSeconds = run.endUs / SECOND_US
  return { arm, seed, hash: report.hash, figures: figures(run, report), tables, virtualSeconds }
}

const SECOND_COLUMNS = ['atSeconds', 'nodes', 'delivered', 'lost', 'bytesPerNode']

/** Delivered, lost, and sent by honest nodes, so far. */
function countsOf({ tally, wire, scenario }: GossipRun): number[] {
  const sent = wire.sentBytesBy.subarray(0, scenario.nodes)
  return [tally.delivered, wire.lost, sent.reduce((sum, bytes) => sum + bytes, 0)]
}

/** What happened in the second that ends now. */
function secondOf(run: GossipRun, untilUs: number, now: number[], before: number[]): number[] {
  const [delivered, lost, bytes] = now.map((count, index) => count - before[index]!)
  const atSeconds = (untilUs - WARM_UP_US) / SECOND_US
  return [atSeconds, run.population, delivered!, lost!, bytes! / Math.max(1, run.population)]
}

/** Share of all deliveries that should come which had come so long after publication. */
function curveOf({ tally }: GossipRun): number[][] {
  const { delays, expected, excused } = tally
  const all = Math.max(1, expected - excused)
  const rows: number[][] = []
  let [step, delivered] = [0, 0]
  for (const afterMs of CURVE_MS) {
    for (; step < (afterMs * 1000) / STEP_US; step++) delivered += delays[step]!
    rows.push([afterMs, delivered / all])
    // Beyond the last delivery nothing changes.
    if (delivered === tally.delivered) break
  }
  return rows
}

function messagesOf({ tally, messages }: GossipRun): number[][] {
  return messages.publishedUs.map((atUs, message) => [
    message,
    (atUs - WARM_UP_US) / SECOND_US,
    reachOf(tally.of(message)),
  ])
}

/** Nodes that went away before a message came count here as missed: nobody knows message by message which did. */
function reachOf({ delivered, expected }: { delivered: number; expected: number }): number {
  return expected === 0 ? 1 : delivered / expected
}

/** Bytes a second that each honest node sent, the least first. */
function uploadsOf({ wire, scenario, endUs }: GossipRun): Float64Array {
  const sent = wire.sentBytesBy.subarray(0, scenario.nodes)
  return sent.map((bytes) => bytes / (endUs / SECOND_US)).sort()
}

function percentilesOf(sorted: Float64Array): number[][] {
  const at = (percent: number) => sorted[Math.round(((sorted.length - 1) * percent) / 100)]!
  return Array.from({ length: 101 }, (_, percent) => [percent, at(percent)])
}

function figures(run: GossipRun, report: GossipReport): Record<string, number> {
  const { reach, p50Ms, p90Ms, p99Ms, duplicates, meshDegree, control } = report
  const { caughtUp, lost, resent, silenced, attacks } = report
  const reaches = messagesOf(run).map((row) => row[2]!)
  const last = reaches.slice(-LAST_MESSAGES)
  const uploads = uploadsOf(run)
  return {
    reach,
    worstReach: reaches.reduce((least, share) => Math.min(least, share), 1),
    lastReach: last.reduce((sum, share) => sum + share, 0) / Math.max(1, last.length),
    p10Ms: run.tally.delayMs(0.1),
    ...{ p50Ms, p90Ms, p99Ms, duplicates },
    uploadBytesPerSecond: uploads.reduce((sum, bytes) => sum + bytes, 0) / uploads.length,
    uploadP99BytesPerSecond: uploads[Math.round((uploads.length - 1) * 0.99)]!,
    meshDegree,
    targetsHear: report.targetsHear,
    targetsHeard: report.targetsHeard,
    ...{ caughtUp, lost, resent, silenced, attacks },
    ...control,
  }
}
