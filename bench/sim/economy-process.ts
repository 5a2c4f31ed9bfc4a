/** A process that runs depth E and prints what it took: node economy-process.ts '{"nodes":125000}'. */
import { readFileSync } from 'node:fs'
import { economyScenario } from '../../sim/economy/scenario.ts'
import { STRATEGIES } from '../../sim/economy/strategies.ts'
import { played } from '../../sim/economy/study.ts'

const scenario = economyScenario(JSON.parse(process.argv[2] ?? '{}'))
const before = process.cpuUsage()
const { workers, validators, counts } = played(scenario, STRATEGIES.lazy)
const { user, system } = process.cpuUsage(before)
const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!
const measured = {
  seconds: (user + system) / 1e6,
  peakBytes: 1024 * Number(kibibytes),
  ...{ workers: workers.count, validators: validators.count, jobs: counts.jobs },
}
process.stdout.write(`${JSON.stringify(measured)}\n`)
