/** A folder of results: the scenario as it ran, what was found, samples, and how to do it again. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import type { Arm } from './arms.ts'
import { armsOf, dataOf, economyOf, gossipOf, routingOf, transferOf } from './arms.ts'
import { type Depth, FIELDS, SECTIONS, type Settings, type Value } from './keys.ts'
import type { Outcome, Table } from './outcome.ts'
import { ofFile, Refusal, readJson } from './refusal.ts'
import { MEASURES, type Measure, parseScenario, type Study } from './scenario-file.ts'
import type { Summary } from './summary.ts'
import { tableOf, writeTable } from './tables.ts'

/** How and where it ran; unlike the summary it differs from run to run. */
export interface Environment {
  readonly repeat: string
  readonly node: string
  readonly platform: string
  readonly threads: number
  readonly tookSeconds: number
}

export interface Results {
  readonly folder: string
  readonly study: Study
  readonly arms: readonly Arm[]
  readonly summary: Summary
  readonly environment: Environment
  readonly tables: Readonly<Partial<Record<Measure, Table>>>
}

/** The scenario with every key that it left to its default, as YAML: alone it gives the same runs. */
export function resolvedYaml(study: Study): string {
  const { name, about, depth, seeds, sweep, measure, expect } = study
  const settings = wholeSettings(depth, study.settings)
  return stringify({ name, about, depth, seeds, ...settings, sweep, measure, expect })
}

/** Depths F, E, T, K and D have defaults of their own; at depth P what is not given is drawn from the seed by its mix. */
function wholeSettings(depth: Depth, settings: Settings): Settings {
  if (depth === 'protocol') return settings
  // A setting that only goes with a swept one stands for itself: defaults come from an empty scenario.
  const empty = { world: {}, workload: {}, faults: {}, adversaries: {} }
  const defaults = {
    gossip: () => gossipOf(empty, 1),
    economy: () => ({ ...economyOf(empty, 1), strategy: 'honest' }),
    transfer: () => transferOf(empty, 1),
    routing: () => routingOf(empty, 1),
    data: () => ({ ...dataOf(empty, 1), strategy: 'honest' }),
  }[depth]()
  const sections = SECTIONS.map((section) => {
    const keys = Object.keys(FIELDS[depth][section])
    const values = keys.map((key) => [
      key,
      settings[section][key] ?? (defaults as unknown as Record<string, Value>)[key]!,
    ])
    return [section, Object.fromEntries(values)] as const
  })
  return Object.fromEntries(sections) as unknown as Settings
}

/** NAME-HASH, where the hash is of the resolved scenario: the same scenario has the same folder. */
export function folderOf(study: Study, root: string): string {
  const digest = createHash('sha256').update(resolvedYaml(study)).digest('hex')
  return join(root, `${study.name}-${digest.slice(0, 8)}`)
}

/** A command that repeats the runs from the folder's own copy of the scenario. */
export function repeatOf(folder: string): string {
  const path = relative(process.cwd(), join(folder, 'scenario.yaml'))
  return `npm run sim -- run ${path.includes(' ') ? `"${path}"` : path}`
}

export function writeResults(
  folder: string,
  study: Study,
  summary: Summary,
  outcomes: readonly Outcome[],
  environment: Environment,
): void {
  mkdirSync(folder, { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write('scenario.yaml', resolvedYaml(study))
  write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  write('environment.json', `${JSON.stringify(environment, null, 2)}\n`)
  writeTable(folder, 'runs', runsTable(outcomes))
  for (const name of MEASURES) {
    const table = gathered(name, outcomes)
    if (table) writeTable(folder, name, table)
  }
}

function runsTable(outcomes: readonly Outcome[]): Table {
  const figures = Object.keys(outcomes[0]?.figures ?? {})
  const rows = outcomes.map((outcome) => [
    outcome.arm,
    outcome.seed,
    ...figures.map((name) => outcome.figures[name]!),
  ])
  return { columns: ['arm', 'seed', ...figures], rows }
}

function gathered(name: Measure, outcomes: readonly Outcome[]): Table | undefined {
  const columns = outcomes.find(({ tables }) => tables[name])?.tables[name]?.columns
  if (!columns) return undefined
  const rows = outcomes.flatMap(({ arm, seed, tables }) =>
    (tables[name]?.rows ?? []).map((row) => [arm, seed, ...row]),
  )
  return { columns: ['arm', 'seed', ...columns], rows }
}

const ADVICE = 'give a folder that `npm run sim -- run FILE` has written'

/** Throws `Refusal` where the folder holds no results. */
export function readResults(folder: string): Results {
  if (!existsSync(join(folder, 'summary.json'))) {
    throw new Refusal(`${folder} holds no results (no summary.json); ${offer(folder)}`)
  }
  const at = (name: string) => join(folder, name)
  const read = (name: string) => ofFile(at(name), ADVICE, () => readFileSync(at(name), 'utf8'))
  const study = parseScenario(read('scenario.yaml'), join(folder, 'scenario.yaml'))
  const tables: Partial<Record<Measure, Table>> = {}
  for (const name of MEASURES) {
    if (existsSync(join(folder, `${name}.csv`))) tables[name] = tableOf(read(`${name}.csv`))
  }
  return {
    folder,
    study,
    arms: armsOf(study),
    summary: readJson(at('summary.json'), ADVICE) as Summary,
    environment: readJson(at('environment.json'), ADVICE) as Environment,
    tables,
  }
}

function offer(folder: string): string {
  const inside = statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(folder, { withFileTypes: true })
        .filter(
          (entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'summary.json')),
        )
        .map(({ name }) => name)
    : []
  if (inside.length > 0) return `in it there are ${inside.slice(0, 8).join(', ')}`
  return ADVICE
}
