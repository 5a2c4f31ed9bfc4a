/** `run`, `sweep`, `compare`, `report` and `calibrate`: from a scenario file to results, and from results to a page. */
import { mkdirSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import type { CalibrateOptions } from './calibrate.ts'
import { requireCalibration } from './calibration-results.ts'
import { type Comparison, compare, toldComparison } from './compare.ts'
import { pathsOf, type Value } from './keys.ts'
import { ofFile, Refusal, wholeOf } from './refusal.ts'
import { readResults, resolvedYaml } from './results.ts'
import { parseScenario, readScenario, readYaml, type Study, unknownKey } from './scenario-file.ts'
import { runStudy, told } from './study.ts'
import { tracedJobs, writeTrace } from './trace-file.ts'

const ROOT = '.tributary/sim'

interface RunOptions {
  readonly small?: boolean
  readonly seeds?: string
  readonly set: readonly string[]
  readonly over: readonly string[]
  readonly out: string
  readonly threads?: string
  readonly mostHours?: string
  readonly json?: boolean
  readonly trace?: string
}

/** @returns the exit code: 0 done and as expected, 1 not as expected. Throws `Refusal` */
export async function studyCommand(argv: readonly string[]): Promise<number> {
  let code = 0
  const program = new Command('sim')
    .description('Studies of the network, from scenario files.')
    // Commands made below inherit both.
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  const gather = (text: string, before: string[]) => [...before, text]
  const add = (name: 'run' | 'sweep', about: string) =>
    program
      .command(`${name} <file>`)
      .description(about)
      .option('--small', 'the quick version that the file has')
      .option('--seeds <n>', 'how many seeds, 1 to n, instead of the file’s')
      .option(
        '--set <key=value>',
        'another value, such as world.nodes=500; may be repeated',
        gather,
        [],
      )
      .option(
        '--over <key=a,b>',
        'sweep this key too, over these values; may be repeated',
        gather,
        [],
      )
      .option('--out <folder>', 'where the folder of results is made', ROOT)
      .option('--threads <n>', 'runs at a time; as many as there are cores')
      .option('--most-hours <n>', 'refuse what would take longer', '12')
      .option('--json', 'the summary as JSON on standard output')
      .option('--trace <jobs=n>', 'follow the first n jobs of the first run, for ui.perfetto.dev')
      .action(async (file: string, options: RunOptions) => {
        code = await runFile(file, options, name === 'sweep')
      })
  add('run', 'runs a scenario file, with its sweep where it has one')
  add('sweep', 'runs a scenario file over the keys of its sweep and of --over')
  program
    .command('compare <before> <after>')
    .description('two folders of results, seed by seed; 1 where they differ beyond chance')
    .option('--json', 'as JSON')
    .option('--plots <folder>', 'draw the distributions of both over one another, into a folder')
    .action(async (before: string, after: string, options: CompareOptions) => {
      code = await compareFolders(before, after, options)
    })
  program
    .command('report <folder>')
    .description('one page with all plots, and each plot as SVG')
    .option('--calibration <folder>', 'tell of this calibration, too')
    .action(async (folder: string, options: { calibration?: string }) => {
      // Plots take a while to load, and only this needs them.
      const { writeReport } = await import('./page.ts')
      if (options.calibration) requireCalibration(options.calibration)
      process.stdout.write(`${writeReport(readResults(folder), options.calibration)}\n`)
    })
  addCalibrate(program, (exitCode) => {
    code = exitCode
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    throw new Refusal(`${wordsOf(error)}; ${helpFor(program, argv[0])}`)
  }
}

function wordsOf({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replace(/\s+/g, ' ')
}

function helpFor({ commands }: Command, word = ''): string {
  const names = commands.map((command) => command.name())
  if (names.includes(word)) return `${word} --help lists what may be given`
  return `there are dst, replay, ${names.join(', ')}, or --help without a command`
}

async function runFile(file: string, options: RunOptions, mustSweep: boolean): Promise<number> {
  const study = changed(readScenario(file, options.small === true), options)
  if (mustSweep && Object.keys(study.sweep).length === 0) {
    throw new Refusal(`${file} sweeps nothing; give --over key=a,b,c or a sweep section`)
  }
  const jobs = options.trace === undefined ? 0 : tracedJobs(options.trace, study)
  requireFolder('--out', options.out)
  const { folder, summary } = await runStudy(study, options.out, {
    ...(options.threads && { threads: wholeOf('--threads', options.threads) }),
    ...(options.mostHours && { mostHours: wholeOf('--most-hours', options.mostHours) }),
  })
  process.stdout.write(`${options.json ? JSON.stringify(summary) : told(summary)}\n`)
  process.stderr.write(`results: ${folder}\nplots:   npm run sim -- report ${folder}\n`)
  if (jobs > 0) process.stderr.write(`trace:   ${writeTrace(study, jobs, folder)}\n`)
  return summary.passed ? 0 : 1
}

/** The study with what the command line says otherwise, checked like a file. */
function changed(study: Study, { set, over, seeds }: RunOptions): Study {
  if (set.length + over.length === 0 && seeds === undefined) return study
  const settings: Record<string, Record<string, Value>> = structuredClone(study.settings) as never
  const sweep: Record<string, readonly Value[]> = { ...study.sweep }
  for (const [key, value] of set.map((text) => pairOf('--set', text, study))) {
    const [section, name] = key.split('.') as [string, string]
    settings[section] = {
      ...settings[section],
      [name]: readValue(`--set ${key}=${value}`, value) as Value,
    }
    delete sweep[key]
  }
  for (const [key, values] of over.map((text) => pairOf('--over', text, study))) {
    sweep[key] = readValue(`--over ${key}=${values}`, `[${values}]`) as Value[]
  }
  // What the file expects is about its own values.
  const expect = set.length + over.length > 0 ? [] : study.expect
  if (expect.length < study.expect.length) {
    process.stderr.write('with other values, what the file expects is not checked\n')
  }
  const given = seeds === undefined ? study.seeds : wholeOf('--seeds', seeds)
  return parseScenario(
    resolvedYaml({ ...study, settings, sweep, expect, seeds: given } as never),
    'the command line',
  )
}

function pairOf(option: string, text: string, { depth }: Study): [key: string, value: string] {
  const [, key, value] = /^(\w+\.\w+)=(.+)$/.exec(text) ?? []
  if (!key || !value) {
    throw new Refusal(
      `${option} ${text} has no section, key and value; write ${option} world.nodes=500`,
    )
  }
  const known = pathsOf(depth)
  if (!known.includes(key)) throw new Refusal(unknownKey(`${option} ${key}`, key, known))
  return [key, value]
}

function readValue(option: string, text: string): unknown {
  return readYaml(text, option, 'a number, a word, or [one, another]')
}

/** Made before anything runs: what takes hours shall not end at a folder that cannot be. */
function requireFolder(option: string, folder: string): void {
  const make = () => mkdirSync(folder, { recursive: true })
  ofFile(`${option} ${folder}`, 'give a folder that can be written', make, 'made')
}

interface CompareOptions {
  readonly json?: boolean
  readonly plots?: string
}

async function compareFolders(
  before: string,
  after: string,
  { json, plots }: CompareOptions,
): Promise<number> {
  const [one, other] = [readResults(before), readResults(after)]
  const comparison: Comparison = compare(one, other)
  const text = json ? JSON.stringify(comparison) : toldComparison(comparison, one.study.depth)
  process.stdout.write(`${text}\n`)
  if (plots) {
    requireFolder('--plots', plots)
    const { drawComparison } = await import('./comparison-plots.ts')
    for (const path of drawComparison(one, other, plots)) process.stderr.write(`plot: ${path}\n`)
  }
  return comparison.differences.some(({ isClear }) => isClear) ? 1 : 0
}

function addCalibrate(program: Command, exit: (code: number) => void): void {
  program
    .command('calibrate')
    .description(
      'real libp2p nodes beside the model; 1 where it is off by more than it may be, 3 where the machine was too busy',
    )
    .option('--seeds <list>', 'a run each; the model was corrected by seeds 1 and 2', '3')
    .option('--nodes <n>', 'real nodes, all in this process', '30')
    .option('--dials <n>', 'others that each node dials', '6')
    .option('--messages <n>', 'how many are published', '120')
    .option('--interval-ms <n>', 'one message every so often', '250')
    .option('--message-bytes <n>', 'how long each is', '256')
    .option('--dilation <n>', 'how many times slower all clocks and links are', '10')
    .option(
      '--virtual',
      'depth R instead: the same gossipsub under virtual time, in hundreds of nodes',
    )
    .option('--out <folder>', 'where the folder of results is made', ROOT)
    .option('--from <folder>', 'judge the real runs of this folder again')
    .option('--json', 'the calibration as JSON on standard output')
    .action(async (options: CalibrateOptions) => {
      const { calibrate } = await import('./calibrate.ts')
      requireFolder('--out', options.out)
      exit(await calibrate(options))
    })
}
