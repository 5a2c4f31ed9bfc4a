import { equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PLANTED_BUGS } from '../harness/planted-bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SEEDS = 2000

interface Found {
  readonly run: number
  readonly failures: readonly { seed: number; left: readonly unknown[]; faults: number }[]
}

function hunt(name: string, faults: string): Found {
  const program = ['--import', './test/harness/plant.ts', 'sim/cli/main.ts']
  const args = [...program, 'dst', '--seeds', `${SEEDS}`, '--faults', faults, '--json']
  const env = { ...process.env, TRIBUTARY_PLANT: name }
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' })
  ok(stdout.startsWith('{'), stderr)
  return JSON.parse(stdout) as Found
}

describe('the deterministic tests find', function () {
  this.timeout(300_000)

  for (const [name, { faults = 'swarm' }] of Object.entries(PLANTED_BUGS)) {
    it(`that ${name}`, () => {
      const { failures } = hunt(name, faults)
      equal(failures.length, 1, `not found in ${SEEDS} seeds`)
      const [{ left }] = failures as [Found['failures'][0]]
      ok(left.length <= 3, `${left.length} faults are left: ${JSON.stringify(left)}`)
    })
  }
})
