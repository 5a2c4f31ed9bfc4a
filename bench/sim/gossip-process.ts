/** A process that runs depth F and prints what it took and found: node gossip-process.ts '{"nodes":10000,"messages":600}'. */
import { readFileSync } from 'node:fs'
import { GossipRun } from '../../sim/gossip/gossip-run.ts'
import { gossipScenario } from '../../sim/gossip/scenario.ts'

const scenario = gossipScenario(JSON.parse(process.argv[2] ?? '{}'))
const before = process.cpuUsage()
const report = new GossipRun(scenario).run()
const { user, system } = process.cpuUsage(before)
/** Since this program was loaded: `resourceUsage` would begin with what the parent held when it made this process. */
const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!
const measured = { seconds: (user + system) / 1e6, peakBytes: 1024 * Number(kibibytes), report }
process.stdout.write(`${JSON.stringify(measured)}\n`)
