/** `npm run sim -- --seed 7 --faults storm`: one run or many, a line each, and the command that repeats a failure. */
import { type Balance, balancesOf, type Income } from '../adversaries/earnings.ts'
import { type Firing, firingOf, tallied } from '../firing.ts'
import { FAULTS, type Faults, scenario } from '../scenario.ts'
import { type Report, World } from '../world.ts'
import { toldNeverFired } from './firing-table.ts'
import { argumentsOf, Refusal, wholeOf } from './refusal.ts'

const USAGE = `Runs the production core in a virtual network.

  --seed N       first seed (1)
  --runs N       how many seeds, one after the other (1)
  --faults MIX   ${FAULTS.join(', ')} (calm)
  --workers N, --validators N, --jobs N
  --json         one JSON object for each run on standard output
  --help

Studies of the network, from scenario files: run FILE, sweep FILE, compare FOLDER FOLDER, report FOLDER
(run --help says more; sim/README.md begins at the beginning).`

/** @returns the exit code: 0 all settled, 1 otherwise. Throws `Refusal` */
export function mixes(args: string[]): number {
  const values = parsed(args)
  if (!values.help) return simulate(values)
  process.stdout.write(`${USAGE}\n`)
  return 0
}

type Values = ReturnType<typeof parsed>

function parsed(args: string[]) {
  const { values } = argumentsOf('--help', {
    args,
    options: {
      seed: { type: 'string', default: '1' },
      runs: { type: 'string', default: '1' },
      faults: { type: 'string', default: 'calm' },
      workers: { type: 'string' },
      validators: { type: 'string' },
      jobs: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return values
}

function simulate(values: Values): number {
  const faults = FAULTS.find((name) => name === values.faults)
  if (!faults) throw new Refusal(`--faults ${values.faults} is none of: ${FAULTS.join(', ')}`)
  const numbers = Object.entries({ ...values, json: undefined, help: undefined, faults: undefined })
  for (const [name, text] of numbers) {
    if (text !== undefined) wholeOf(`--${name}`, `${text}`)
  }
  let failures = 0
  const firings: Firing[] = []
  const first = Number(values.seed)
  for (let seed = first; seed < first + Number(values.runs); seed++) {
    if (!run(seed, faults, firings, values)) failures += 1
  }
  for (const line of toldNeverFired(tallied(firings))) {
    process.stderr.write(`${line}\n`)
    failures += 1
  }
  return failures === 0 ? 0 : 1
}

/** True where all jobs were settled and no invariant was broken. @param firings is told of what happened */
function run(seed: number, faults: Faults, firings: Firing[], values: Values): boolean {
  const change = {
    ...(values.workers && { workers: Number(values.workers) }),
    ...(values.validators && { validators: Number(values.validators) }),
    ...(values.jobs && { jobs: Number(values.jobs) }),
  }
  const startedMs = performance.now()
  try {
    const world = new World(scenario(seed, faults, change))
    const report = world.run()
    firings.push(firingOf(world.scenario, report))
    print(report, balancesOf(world), performance.now() - startedMs, values)
    if (report.final) return true
    process.stderr.write(`not all jobs were settled; repeat: ${repeat(seed, faults, values)}\n`)
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(`seed ${seed}: ${what}\nrepeat: ${repeat(seed, faults, values)}\n`)
  }
  return false
}

function print(
  report: Report,
  balances: readonly Balance[],
  tookMs: number,
  { json }: Values,
): void {
  if (json) {
    const inText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
    process.stdout.write(`${JSON.stringify({ ...report, adversaries: balances }, inText)}\n`)
    return
  }
  const { seed, settled, jobs, virtualMs, steps, counters, hash } = report
  const faults = Object.entries(counters)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
  process.stdout.write(
    `seed ${seed}: ${settled} of ${jobs} jobs settled in ${(virtualMs / 1000).toFixed(1)} s of virtual time ` +
      `(${(virtualMs / tookMs).toFixed(0)} × real), ${steps} steps, run ${hash.slice(2, 10)}\n` +
      `  ${faults.join(', ') || 'nothing went wrong'}\n`,
  )
  for (const balance of balances) process.stdout.write(`  ${lineOf(balance)}\n`)
}

function lineOf({ manner, nodes, strikes, honest, ...income }: Balance): string {
  const gwei = (wei: bigint) => (wei / 1_000_000_000n).toLocaleString('en')
  const words = ({ earnedWei, slashedWei, costWei }: Income) =>
    `paid ${gwei(earnedWei)}, slashed ${gwei(slashedWei)}, work ${gwei(costWei)} gwei`
  return `${nodes} ${manner}, ${strikes} times: ${words(income)}; honest: ${words(honest)}`
}

function repeat(seed: number, faults: string, values: Values): string {
  const sizes = ['workers', 'validators', 'jobs'] as const
  const given = sizes.filter((name) => values[name]).map((name) => ` --${name} ${values[name]}`)
  return `npm run sim -- --faults ${faults} --seed ${seed}${given.join('')}`
}
