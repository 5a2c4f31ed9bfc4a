/** A process that runs depth R and prints what it took and found: node virtual-process.ts '{"nodes":1000,"messages":30}'. */
import { readFileSync } from 'node:fs'
import { calibrationOf } from '../../sim/cli/calibration-results.ts'
import { gossipScenario } from '../../sim/gossip/scenario.ts'
import { playVirtual } from '../../sim/real/virtual-run.ts'

const change = JSON.parse(process.argv[2] ?? '{}')
const beside = { degree: 6, validationUs: 0, uplinkMbps: 1_000_000, messageBytes: 256 }
const before = process.cpuUsage()
const run = await playVirtual(gossipScenario({ ...beside, ...change }), () => undefined)
const { user, system } = process.cpuUsage(before)
const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!
const { hash, arrivals, virtualSeconds } = run
process.stdout.write(
  `${JSON.stringify({
    ...{ hash, arrivals, virtualSeconds, seconds: (user + system) / 1e6 },
    peakBytes: 1024 * Number(kibibytes),
    judgements: calibrationOf([run], '').judgements,
  })}\n`,
)
