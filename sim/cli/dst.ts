/** `npm run sim -- dst`: many seeds of small clusters under faults; what fails is made small and kept. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Fired, tallied } from '../firing.ts'
import { FAULTS, type Scenario, scenario, smallScenario } from '../scenario.ts'
import { partsOf, shrink } from '../shrink.ts'
import { attempt, type Failure } from '../trial.ts'
import { firingTable, toldNeverFired } from './firing-table.ts'
import { type Hunt, hunt } from './hunt.ts'
import { argumentsOf, Refusal, readJson, wholeOf } from './refusal.ts'

const FOLDER = '.tributary/sim'
const SAY_EVERY_MS = 10_000

const USAGE = `Deterministic tests: seeds of small clusters under faults, and what fails made small.

  dst [--seeds N] [--first N] [--faults MIX] [--stop-after N] [--twice] [--threads N] [--json]
    --seeds N        how many seeds (1000)
    --first N        the first of them (1)
    --faults MIX     ${FAULTS.join(', ')} (swarm)
    --stop-after N   end after so many failures (1)
    --twice          run each seed twice, and compare
    --threads N      seeds at a time; as many as there are cores

A failing scenario is kept in ${FOLDER}; replay FILE runs it again. A fault or an adversary that enough runs planned and that
never happened fails, too.`

/** @returns the exit code: 0 all well, 1 otherwise. Throws `Refusal` */
export async function dst(args: string[]): Promise<number> {
  const { values } = argumentsOf('dst --help', {
    args,
    options: {
      seeds: { type: 'string', default: '1000' },
      first: { type: 'string', default: '1' },
      faults: { type: 'string', default: 'swarm' },
      'stop-after': { type: 'string', default: '1' },
      twice: { type: 'boolean', default: false },
      threads: { type: 'string', default: `${availableParallelism()}` },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return say(USAGE, 0)
  const faults = FAULTS.find((name) => name === values.faults)
  if (!faults) throw new Refusal(`--faults ${values.faults} is none of: ${FAULTS.join(', ')}`)
  const whole = (name: 'seeds' | 'first' | 'stop-after' | 'threads'): number =>
    wholeOf(`--${name}`, values[name], 999_999_999)
  const found = await search({
    ...{ faults, first: whole('first'), seeds: whole('seeds'), stopAfter: whole('stop-after') },
    ...{ threads: whole('threads'), twice: values.twice },
  })
  const { run, cpuMs, failures, fired } = found
  if (values.json) print(JSON.stringify(found))
  else {
    print(`${run} seeds in ${(cpuMs / 1000).toFixed(1)} s of CPU time, ${failures.length} failed`)
    if (fired.length > 0) print(firingTable(fired))
  }
  const never = toldNeverFired(fired)
  for (const line of never) say(line, 1)
  return failures.length + never.length === 0 ? 0 : 1
}

interface Found {
  readonly run: number
  readonly cpuMs: number
  readonly failures: readonly Kept[]
  /** What was planned beside what happened, in runs that came to their end. */
  readonly fired: readonly Fired[]
}

async function search(wanted: Hunt): Promise<Found> {
  const began = process.cpuUsage()
  let saidMs = performance.now()
  const tried = await hunt(wanted, (count, failed) => {
    if (performance.now() < saidMs + SAY_EVERY_MS) return
    saidMs = performance.now()
    say(`${count} of ${wanted.seeds} seeds, ${failed} failed`, 0)
  })
  const { user, system } = process.cpuUsage(began)
  return {
    run: tried.length,
    cpuMs: (user + system) / 1000,
    failures: tried.flatMap(({ seed, failure }) =>
      failure ? [keep(smallScenario(seed, wanted.faults), failure)] : [],
    ),
    fired: tallied(tried.flatMap(({ firing }) => firing ?? [])),
  }
}

interface Kept {
  readonly seed: number
  readonly failure: Failure
  /** Faults before and after shrinking. */
  readonly faults: number
  readonly left: readonly unknown[]
  readonly trials: number
  readonly file: string
}

/** Makes a failing scenario small and writes it down. */
function keep(failing: Scenario, failure: Failure): Kept {
  const sameWay = (smaller: Scenario): boolean => attempt(smaller).failure?.kind === failure.kind
  const { scenario: small, parts, trials } = shrink(failing, sameWay)
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, `seed-${failing.seed}.json`)
  writeFileSync(file, `${JSON.stringify(small, null, 2)}\n`)
  const faults = partsOf(failing).length
  const words = parts.map((part) => (typeof part === 'string' ? part : part.kind))
  say(`seed ${failing.seed}: ${failure.kind}: ${failure.message}`, 1)
  say(`  ${faults} faults made ${parts.length} (${words.join(', ') || 'none is needed'})`, 1)
  say(`  again: npm run sim -- replay ${file} --trace`, 1)
  return { seed: failing.seed, failure, faults, left: parts, trials, file }
}

/** Runs a kept scenario again. Throws `Refusal` where the file holds none. */
export function replayScenario(file: string, trace: boolean): number {
  const { report, failure } = attempt(readScenario(file), trace ? print : undefined)
  if (report) print(JSON.stringify(report))
  return failure ? say(`${failure.kind}: ${failure.message}`, 1) : 0
}

function readScenario(file: string): Scenario {
  const advice = 'give a recording, or a scenario that dst has kept'
  const held = readJson(file, advice)
  if (typeof held !== 'object' || held === null)
    throw new Refusal(`${file} is a bare word; ${advice}`)
  const missing = Object.keys(scenario(1, 'calm')).filter((name) => !(name in held))
  if (missing.length === 0) return held as Scenario
  const more = missing.length > 3 ? ` and ${missing.length - 3} keys more` : ''
  throw new Refusal(`${file} lacks ${missing.slice(0, 3).join(', ')}${more}; ${advice}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function say<T extends number>(line: string, code: T): T {
  process.stderr.write(`${line}\n`)
  return code
}
