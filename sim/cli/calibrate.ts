/** `calibrate`: real libp2p nodes, or depth R, and depth F play the same scenario, and a folder says how far the model is off. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type GossipScenario, gossipScenario } from '../gossip/scenario.ts'
import type { RealRun } from '../real/observed.ts'
import {
  type Calibration,
  calibrationOf,
  picturesOfCalibration,
  readCalibration,
  readRealRuns,
  toldCalibration,
  writeCalibration,
} from './calibration-results.ts'
import { Refusal, wholeOf } from './refusal.ts'

/** What real nodes play, as words. */
interface PlayOptions {
  readonly seeds: string
  readonly nodes: string
  readonly dials: string
  readonly messages: string
  readonly intervalMs: string
  readonly messageBytes: string
}

export interface CalibrateOptions extends PlayOptions {
  readonly dilation: string
  /** Whether virtual time passes, instead of real nodes' own. */
  readonly virtual?: boolean
  readonly out: string
  /** A folder whose real runs are judged again. */
  readonly from?: string
  readonly json?: boolean
}

/** @returns the exit code: 0 within all bars, 1 not so, 3 where the machine was too busy for any run to count */
export async function calibrate(options: CalibrateOptions): Promise<number> {
  const runs = options.from ? readRealRuns(options.from) : await realRuns(options)
  const calibration = calibrationOf(
    runs,
    (options.from && readCalibration(options.from)?.repeat) || repeatOf(options),
  )
  const folder = options.from ?? join(options.out, folderName(runs))
  writeCalibration(folder, calibration, runs)
  await drawAll(folder, calibration, runs)
  process.stdout.write(
    `${options.json ? JSON.stringify(calibration) : toldCalibration(calibration)}\n`,
  )
  process.stderr.write(`results: ${folder}\n`)
  if (calibration.rejected.length > 0) return 3
  return calibration.passed ? 0 : 1
}

async function realRuns(options: CalibrateOptions): Promise<RealRun[]> {
  const scenarios = scenariosOf(options)
  const dilation = numberOf('dilation', options.dilation)
  // libp2p takes a while to load, and only this needs it.
  const { runReal } = await import('../real/real-run.ts')
  const { runVirtual } = await import('../real/virtual-thread.ts')
  const runs: RealRun[] = []
  for (const scenario of scenarios) {
    const say = (line: string) => process.stderr.write(`seed ${scenario.seed}: ${line}\n`)
    runs.push(
      await (options.virtual ? runVirtual(scenario, say) : runReal(scenario, dilation, say)),
    )
  }
  return runs
}

/** What real nodes' messages start with: which one it is. */
const NUMBER_BYTES = 4

/** D as workers have it; no time to validate and no narrow uplink, since dilation hides both. */
const AS_REAL = { degree: 6, validationUs: 0, uplinkMbps: 1_000_000 } as const

/** The scenarios that real nodes can play. Throws `Refusal` where a number is out of bounds. */
export function scenariosOf(options: PlayOptions): GossipScenario[] {
  const { seeds, nodes, dials, messages, intervalMs, messageBytes } = options
  const numbers = Object.entries({ nodes, dials, messages, intervalMs, messageBytes }).map(
    ([name, text]) => [name, numberOf(name, text)],
  )
  if (Number(messageBytes) < NUMBER_BYTES) {
    throw new Refusal(
      `--message-bytes ${messageBytes} is too few: a message carries its number, ${NUMBER_BYTES} bytes`,
    )
  }
  const asked = seeds.split(',')
  if (new Set(asked).size < asked.length) {
    throw new Refusal(`--seeds ${seeds} has one twice; give each seed once, for it is one run`)
  }
  return asked.map((seed) => {
    try {
      return gossipScenario({
        ...AS_REAL,
        ...Object.fromEntries(numbers),
        seed: numberOf('seeds', seed),
      })
    } catch (error) {
      if (error instanceof RangeError) throw new Refusal(error.message)
      throw error
    }
  })
}

function numberOf(name: string, text: string): number {
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return wholeOf(`--${option}`, text, 999_999_999)
}

function repeatOf(options: CalibrateOptions): string {
  const { seeds, nodes, dials, messages, intervalMs, messageBytes, dilation, virtual } = options
  const clock = virtual ? '--virtual' : `--dilation ${dilation}`
  return `npm run sim -- calibrate --seeds ${seeds} --nodes ${nodes} --dials ${dials} --messages ${messages} --interval-ms ${intervalMs} --message-bytes ${messageBytes} ${clock}`
}

function folderName(runs: readonly RealRun[]): string {
  const conditions = runs.map(({ scenario, clock, dilation }) => ({ scenario, clock, dilation }))
  const digest = createHash('sha256').update(JSON.stringify(conditions)).digest('hex')
  return `calibration-${digest.slice(0, 8)}`
}

async function drawAll(
  folder: string,
  calibration: Calibration,
  runs: readonly RealRun[],
): Promise<void> {
  const pictures = picturesOfCalibration(runs)
  mkdirSync(join(folder, 'plots'), { recursive: true })
  for (const { name, svg } of pictures) {
    writeFileSync(join(folder, 'plots', `${name}.svg`), `${svg}\n`)
  }
  const { calibrationPage } = await import('./page.ts')
  writeFileSync(join(folder, 'report.html'), calibrationPage(calibration, pictures))
}
