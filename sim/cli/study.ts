/** Runs a study from its file to its folder of results. */
import { type Arm, armsOf, requireStakes } from './arms.ts'
import { budgetOf, LIMITS, type Limits, virtualSecondsOf } from './budget.ts'
import { kindOf, written } from './figures.ts'
import type { Order, Outcome } from './outcome.ts'
import { duration, Progress } from './progress.ts'
import { folderOf, repeatOf, writeResults } from './results.ts'
import { ordersOf, runInThreads } from './runner.ts'
import type { Study } from './scenario-file.ts'
import { type Summary, summarise } from './summary.ts'

export interface Done {
  readonly folder: string
  readonly summary: Summary
}

/** @param root folder that the folder of results is made in */
export async function runStudy(
  study: Study,
  root: string,
  limits: Partial<Limits> = {},
): Promise<Done> {
  const arms = armsOf(study)
  const { threads, runs } = budgetOf(study, arms, { ...LIMITS, ...limits })
  requireStakes(study, arms)
  const startedMs = performance.now()
  process.stderr.write(
    `${study.name}: ${arms.length} ${arms.length === 1 ? 'arm' : 'arms'} × ${study.seeds.length} seeds on ${threads} threads\n`,
  )
  const outcomes = await watched(study, arms, threads, runs)
  const tookSeconds = (performance.now() - startedMs) / 1000
  const summary = summarise(study, arms, outcomes)
  const folder = folderOf(study, root)
  writeResults(folder, study, summary, outcomes, {
    repeat: repeatOf(folder),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    threads,
    tookSeconds: Math.round(10 * tookSeconds) / 10,
  })
  process.stderr.write(`${runs} runs in ${duration(tookSeconds)}\n`)
  return { folder, summary }
}

async function watched(
  study: Study,
  arms: readonly Arm[],
  threads: number,
  runs: number,
): Promise<Outcome[]> {
  const progress = new Progress()
  const expected = arms.map(({ settings }) => virtualSecondsOf(study, settings))
  const all = expected.reduce((sum, seconds) => sum + seconds, 0) * study.seeds.length
  const running = new Map<string, number>()
  let [runsDone, secondsDone] = [0, 0]
  const tell = () => {
    const begun = [...running.values()].reduce((sum, seconds) => sum + seconds, 0)
    const virtualSecondsDone = Math.min(all, secondsDone + begun)
    progress.update({ runs, runsDone, virtualSeconds: all, virtualSecondsDone })
  }
  try {
    return await runInThreads(ordersOf(study, arms), threads, {
      onProgress: (order, virtualSeconds) => {
        running.set(nameOf(order), Math.min(virtualSeconds, expected[order.arm]!))
        tell()
      },
      onOutcome: (outcome) => {
        running.delete(nameOf(outcome))
        runsDone += 1
        secondsDone += expected[outcome.arm]!
        tell()
      },
    })
  } finally {
    progress.end()
  }
}

function nameOf({ arm, seed }: Pick<Order, 'arm' | 'seed'>): string {
  return `${arm} ${seed}`
}

/** Which figures are worth a column where there is room for a few. */
const COLUMNS = {
  gossip: ['reach', 'p50Ms', 'p99Ms', 'duplicates', 'uploadBytesPerSecond'],
  protocol: [
    'settledShare',
    'halfSettledSeconds',
    'allSettledSeconds',
    'adversaryGain',
    'honestSlashed',
  ],
  economy: ['honestProfit', 'gain', 'honestLost', 'workerProfit', 'workerGini'],
  transfer: ['doneShare', 'p50Seconds', 'p99Seconds', 'efficiency', 'holdersShare', 'wastedShare'],
  data: ['adversaryProfit', 'honestProfit', 'gain', 'othersKept', 'paidShare', 'strictness'],
  routing: ['foundShare', 'namedShare', 'p50Seconds', 'p90Seconds', 'metShare', 'meshShare'],
} as const

/** Figures by arm with half the width of their interval, then what was expected, for reading on a terminal. */
export function told(summary: Summary): string {
  const names = COLUMNS[summary.depth]
  const head = [
    '',
    ...names.map(
      (name) => `${kindOf(summary.depth, name).title}, ${kindOf(summary.depth, name).unit}`,
    ),
  ]
  const rows = summary.arms.map(({ label, figures }) => [
    label,
    ...names.map((name) => {
      const { mean, high } = figures[name]!
      return high === mean ? written(mean) : `${written(mean)} ± ${written(high - mean)}`
    }),
  ])
  const widths = head.map((_, index) =>
    Math.max(...[head, ...rows].map((row) => row[index]!.length)),
  )
  const lines = [head, ...rows].map((row) =>
    row
      .map((field, index) =>
        index === 0 ? field.padEnd(widths[0]!) : field.padStart(widths[index]!),
      )
      .join('  '),
  )
  const verdicts = summary.verdicts.map(({ text, held }) => `${held ? '✓' : '✗'} ${text}`)
  return [
    ...lines.map((line) => line.trimEnd()),
    ...(verdicts.length > 0 ? ['', ...verdicts] : []),
  ].join('\n')
}
