/** A process that runs depth P for an hour of a large network and prints what it took: node network-process.ts '{"workers":1000}'. */
import { readFileSync } from 'node:fs'
import { scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

const HOUR_MS = 3_600_000
const changes = JSON.parse(process.argv[2] ?? '{}')
const world = new World(scenario(1, 'calm', { workloadMs: HOUR_MS, ...changes }))
const before = process.cpuUsage()
const { steps, jobs, settled, final, virtualMs } = world.run()
const { user, system } = process.cpuUsage(before)
const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!
const measured = {
  seconds: (user + system) / 1e6,
  peakBytes: 1024 * Number(kibibytes),
  ...{ steps, jobs, settled, final, virtualMs },
}
process.stdout.write(`${JSON.stringify(measured)}\n`)
