import { equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PLANTED_BUGS } from '../harness/planted-bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SEEDS = 500

interface Found {
  readonly run: number
  readonly failures: readonly { seed: number; left: readonly unknown[]; faults: number }[]
}

/** @param bug none for the core as it is */
function hunt(bug: string | undefined, faults: string, first = 1, seeds = SEEDS): Found {
  const planting = bug === undefined ? [] : ['--import', './test/harness/plant.ts']
  const options = ['--first', `${first}`, '--seeds', `${seeds}`, '--faults', faults, '--json']
  const args = [...planting, 'sim/cli/main.ts', 'dst', ...options]
  const env = { ...process.env, TRIBUTARY_PLANT: bug }
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' })
  ok(stdout.startsWith('{'), stderr)
  return JSON.parse(stdout) as Found
}

describe('the deterministic tests find', function () {
  this.timeout(300_000)

  it(`nothing in ${SEEDS} seeds of the core as it is`, () => {
    const { run, failures } = hunt(undefined, 'swarm')
    equal(run, SEEDS)
    equal(failures.length, 0, JSON.stringify(failures))
  })

  for (const [name, { faults = 'swarm' }] of Object.entries(PLANTED_BUGS)) {
    it(`that ${name}`, () => {
      const { failures } = hunt(name, faults)
      equal(failures.length, 1, `not found in ${SEEDS} seeds`)
      const [{ seed, left }] = failures as [Found['failures'][0]]
      ok(left.length <= 3, `${left.length} faults are left: ${JSON.stringify(left)}`)
      // The bug is what fails: without it nothing does.
      equal(hunt(undefined, faults, seed, 1).failures.length, 0, `seed ${seed} fails anyhow`)
    })
  }
})
