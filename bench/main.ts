/** npm run bench -- <name> [--json] [--only part]: figures of one subject, with their conditions. Progress goes to stderr. */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Benchmark, type Figure, isMet, printJson, printTable } from './figure.ts'

const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  engine: async () => (await import('./engine/engine.ts')).benchmarkEngine,
  contracts: async () => (await import('./contracts/contracts.ts')).benchmarkContracts,
  sim: async () => (await import('./sim/sim.ts')).benchmarkSim,
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false }, only: { type: 'string' } },
  allowPositionals: true,
})
const load = BENCHMARKS[positionals[0] ?? '']
if (load === undefined) {
  const names = Object.keys(BENCHMARKS).join(', ')
  process.stderr.write(`Name a benchmark: npm run bench -- <name>, where name is one of ${names}\n`)
  process.exit(2)
}
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const { model } = cpus()[0]!
say(`${positionals[0]} on ${model.trim()}, ${cpus().length} cores, node ${process.version}`)
const benchmark = await load()
const figures: Figure[] = []
for await (const figure of benchmark(values.only, say)) {
  figures.push(figure)
  say(`  ${figure.name}: ${figure.value ?? figure.note} ${figure.unit}`)
}
process.stdout.write(`\n${printTable(figures)}\n`)
if (values.json) process.stdout.write(`${printJson(figures)}\n`)
process.exitCode = figures.every(isMet) ? 0 : 1
