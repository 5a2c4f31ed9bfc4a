/** A folder of calibration: the real runs as they were, how far the model is off, and the page and table that say so. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RealRun } from '../real/observed.ts'
import {
  barsOf,
  CALIBRATED,
  errorOf,
  type Judgement,
  judge,
  LATEST_LOOP,
  loopDelayOf,
  MESHES,
  measuredOf,
  modelledOf,
  together,
} from './calibration.ts'
import { kindOf, written } from './figures.ts'
import type { Table } from './outcome.ts'
import { overlay } from './overlay.ts'
import type { Picture } from './picture.ts'
import { Refusal, readJson } from './refusal.ts'
import { writeTable } from './tables.ts'

export interface Calibration {
  readonly repeat: string
  readonly node: string
  readonly clock: RealRun['clock']
  readonly dilation: number
  readonly nodes: number
  readonly messages: number
  readonly messageBytes: number
  readonly judgements: readonly Judgement[]
  /** By seed: how late the event loop was (p99), as a share of the dilated median. */
  readonly loopDelays: Readonly<Record<string, number>>
  /** Seeds whose run says nothing, because the machine was too busy. */
  readonly rejected: readonly number[]
  /** Whether some run counts, and the model keeps to all bars in each that does. */
  readonly passed: boolean
}

/** @param repeat the command that makes such runs again */
export function calibrationOf(runs: readonly RealRun[], repeat: string): Calibration {
  const { clock, dilation, scenario } = runs[0]!
  const { nodes, messages, messageBytes } = scenario
  const late = (run: RealRun) => loopDelayOf(run) > LATEST_LOOP
  const judgements = judgementsOf(runs.filter((run) => !late(run)))
  return {
    ...{
      repeat,
      node: process.version,
      clock,
      dilation,
      nodes,
      messages,
      messageBytes,
      judgements,
    },
    loopDelays: Object.fromEntries(runs.map((run) => [run.scenario.seed, loopDelayOf(run)])),
    rejected: runs.filter(late).map((run) => run.scenario.seed),
    passed: judgements.length > 0 && judgements.every(({ missed }) => missed.length === 0),
  }
}

/**
 * With the measured mesh the model can be held to each run by itself. A mesh of its own is another one, and the figures of
 * small meshes differ by more than the model may be off: there all runs are taken together.
 */
function judgementsOf(runs: readonly RealRun[]): Judgement[] {
  if (runs.length === 0) return []
  const seeds = runs.map(({ scenario }) => scenario.seed)
  const own = together(runs.map((run) => modelledOf(run, 'own')))
  const bars = barsOf(runs[0]!.clock)
  return [
    judge(seeds, 'own', together(runs.map(measuredOf)), own, bars),
    ...runs.map((run) => {
      const model = modelledOf(run, 'measured')
      return judge([run.scenario.seed], 'measured', measuredOf(run), model, bars)
    }),
  ]
}

/** Writes all that there is to keep; pictures come with `pictureOf`, since drawing takes a while to load. */
export function writeCalibration(
  folder: string,
  calibration: Calibration,
  runs: readonly RealRun[],
): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, FILE), `${JSON.stringify(calibration, null, 2)}\n`)
  for (const run of runs) {
    writeFileSync(join(folder, realFile(run.scenario.seed)), `${JSON.stringify(run)}\n`)
  }
  writeTable(folder, 'calibration', tableOf(calibration))
  writeTable(folder, 'deliveries', {
    columns: ['seed', 'message', 'node', 'delayMs'],
    rows: runs.flatMap(({ scenario, deliveries }) =>
      deliveries.map((delivery) => [scenario.seed, ...delivery]),
    ),
  })
}

const FILE = 'calibration.json'
const ADVICE = 'give a folder that `npm run sim -- calibrate` has written'

function realFile(seed: number): string {
  return `real-${seed}.json`
}

/** `measured` is 1 where the model had the real nodes' mesh; a row for several seeds has the first. */
function tableOf({ judgements }: Calibration): Table {
  return {
    columns: [
      ...['seed', 'measured', 'kolmogorovSmirnov', 'wasserstein'],
      ...CALIBRATED.flatMap((name) => [`${name}Real`, `${name}Model`]),
    ],
    rows: judgements.map(({ seeds, mesh, kolmogorovSmirnov, wasserstein, figures }) => [
      ...[seeds[0]!, mesh === 'measured' ? 1 : 0, kolmogorovSmirnov, wasserstein],
      ...CALIBRATED.flatMap((name) => [figures[name].real, figures[name].model]),
    ]),
  }
}

/** Undefined where a folder holds no calibration. */
export function readCalibration(folder: string): Calibration | undefined {
  const file = join(folder, FILE)
  return existsSync(file) ? (readJson(file, ADVICE) as Calibration) : undefined
}

/** The same. Throws `Refusal` where there is none. */
export function requireCalibration(folder: string): Calibration {
  const calibration = readCalibration(folder)
  if (calibration) return calibration
  throw new Refusal(`${folder} holds no calibration (no ${FILE}); ${ADVICE}`)
}

/** The real runs of a folder, to be judged again. Throws `Refusal` where there are none. */
export function readRealRuns(folder: string): RealRun[] {
  return Object.keys(requireCalibration(folder).loopDelays).map(
    (seed) => readJson(join(folder, realFile(Number(seed))), ADVICE) as RealRun,
  )
}

export function picturesOfCalibration(runs: readonly RealRun[]): Picture[] {
  return runs.map((run) => {
    const { seed, nodes, messages, messageBytes } = run.scenario
    const label = run.clock === 'real' ? 'real libp2p' : 'gossipsub under virtual time'
    const real = { label, distribution: measuredOf(run).delays }
    const modelled = MESHES.map((mesh) => ({
      label: `model, ${mesh} mesh`,
      distribution: modelledOf(run, mesh).delays,
    }))
    return overlay(
      {
        name: `calibration-${seed}`,
        title: 'Deliveries, real and modelled',
        subtitle: 'Share of the deliveries by time since publication',
        footer: `calibration: seed ${seed}, ${nodes} nodes, ${messages} messages of ${messageBytes} bytes, ${clockWords(run)}`,
        axis: 'time since publication (ms)',
      },
      [real, ...modelled],
    )
  })
}

/** What time it was that the nodes lived by. */
export function clockWords({ clock, dilation }: Pick<RealRun, 'clock' | 'dilation'>): string {
  return clock === 'real' ? `clocks slowed ${dilation} times` : 'virtual time'
}

/** Head and rows of the table of errors, as words. */
export function errorTable({ judgements, clock }: Calibration): {
  head: string[]
  rows: string[][]
} {
  const rows = judgements.flatMap((judgement) => {
    const { seeds, mesh, figures } = judgement
    const bar = (name: string) => barOf(name, judgement, barsOf(clock))
    const where = `seed ${seeds.join(' + ')}, ${mesh} mesh`
    const figureRows = CALIBRATED.map((name) => {
      const { title, unit } = kindOf('gossip', name)
      const { real, model } = figures[name]
      const error = `${(100 * errorOf(figures[name])).toFixed(1)} %`
      return [where, `${title}, ${unit}`, written(real), written(model), error, bar(name)]
    })
    const distance = (title: string, value: number, name: string) => [
      ...[where, title, '', '', `${(100 * value).toFixed(1)} %`, bar(name)],
    ]
    return [
      ...figureRows,
      distance('Wasserstein-1 by the mean', judgement.wasserstein, 'wasserstein'),
      distance('Kolmogorov–Smirnov', judgement.kolmogorovSmirnov, 'kolmogorovSmirnov'),
    ]
  })
  return { head: ['', 'figure', 'real', 'model', 'error', 'bar'], rows }
}

function barOf(name: string, { missed }: Judgement, bars: ReturnType<typeof barsOf>): string {
  if (!(name in bars)) return ''
  const bar = name as keyof typeof bars
  return `${missed.includes(bar) ? '✗' : '✓'} ≤ ${100 * bars[bar]} %`
}

/** For reading on a terminal. */
export function toldCalibration(calibration: Calibration): string {
  const { head, rows } = errorTable(calibration)
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]!.length)),
  )
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) =>
        column > 1 && column < 5 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  )
  return [...(rows.length > 0 ? lines : []), ...toldRejections(calibration)].join('\n')
}

export function toldRejections({ rejected, loopDelays }: Calibration): string[] {
  return rejected.map(
    (seed) =>
      `seed ${seed} is rejected: the event loop was late by ${(100 * loopDelays[seed]!).toFixed(2)} % of the median delay, and ${100 * LATEST_LOOP} % are allowed; run it on a quieter machine or with a larger --dilation`,
  )
}
