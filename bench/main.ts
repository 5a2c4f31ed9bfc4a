/** npm run bench -- <name> [--json] [--only part]: figures of one subject, with their conditions. Progress goes to stderr. */
import { cpus } from 'node:os'
import { Argument, Command } from 'commander'
import { type Benchmark, type Figure, isMet, printJson, printTable } from './figure.ts'

const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  engine: async () => (await import('./engine/engine.ts')).benchmarkEngine,
  contracts: async () => (await import('./contracts/contracts.ts')).benchmarkContracts,
  attribution: async () => (await import('./attribution/attribution.ts')).benchmarkAttribution,
  sim: async () => (await import('./sim/sim.ts')).benchmarkSim,
  transfer: async () => (await import('./transfer/transfer.ts')).benchmarkTransfer,
}

interface Options {
  readonly json: boolean
  readonly only?: string
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

async function measure(name: string, { json, only }: Options, command: Command): Promise<void> {
  const benchmark = await BENCHMARKS[name]!()
  if (only !== undefined && !benchmark.parts.includes(only)) {
    const parts = benchmark.parts.join(', ')
    command.error(`${name} has no part ${only}; its parts are ${parts}`, { exitCode: 2 })
  }
  const { model } = cpus()[0]!
  say(`${name} on ${model.trim()}, ${cpus().length} cores, node ${process.version}`)
  const figures: Figure[] = []
  for await (const figure of benchmark.run(only, say)) {
    figures.push(figure)
    say(`  ${figure.name}: ${figure.value ?? figure.note} ${figure.unit}`)
  }
  process.stdout.write(`\n${printTable(figures)}\n`)
  if (json) process.stdout.write(`${printJson(figures)}\n`)
  process.exitCode = figures.every(isMet) ? 0 : 1
}

await new Command('npm run bench --')
  .description('Measures one subject beside its peers, and says which figures reach their bars.')
  .addArgument(new Argument('<name>', 'the subject').choices(Object.keys(BENCHMARKS)))
  .option('--only <part>', 'one part of it; a name that is none tells which there are')
  .option('--json', 'ends with one line of JSON', false)
  .addHelpText('after', '\nExit codes: 0 all figures reach their bars, 1 some do not, 2 wrong use.')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(measure)
  .parseAsync()
