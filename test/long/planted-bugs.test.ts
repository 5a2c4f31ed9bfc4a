import { equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PLANTED_BUGS } from '../harness/planted-bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SEEDS = 500
/** Where the first seed that shows a bug takes more than three faults for it. */
const MORE = { seeds: 2 * SEEDS, failures: 6 }

interface Found {
  readonly run: number
  readonly failures: readonly { seed: number; left: readonly unknown[]; faults: number }[]
}

interface Range {
  readonly first?: number
  readonly seeds?: number
  readonly failures?: number
}

/** @param bug none for the core as it is */
function hunt(bug: string | undefined, faults: string, range: Range = {}): Found {
  const { first = 1, seeds = SEEDS, failures = 1 } = range
  const planting = bug === undefined ? [] : ['--import', './test/harness/plant.ts']
  const seen = ['--first', `${first}`, '--seeds', `${seeds}`, '--stop-after', `${failures}`]
  const args = [...planting, 'sim/cli/main.ts', 'dst', ...seen, '--faults', faults, '--json']
  const env = { ...process.env, TRIBUTARY_PLANT: bug }
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' })
  ok(stdout.startsWith('{'), stderr)
  return JSON.parse(stdout) as Found
}

describe('the deterministic tests find', () => {
  it(`nothing in ${SEEDS} seeds of the core as it is`, () => {
    const { run, failures } = hunt(undefined, 'swarm')
    equal(run, SEEDS)
    equal(failures.length, 0, JSON.stringify(failures))
  })

  for (const [name, { faults = 'swarm' }] of Object.entries(PLANTED_BUGS)) {
    it(`that ${name}`, () => {
      const { failures } = hunt(name, faults)
      equal(failures.length, 1, `not found in ${SEEDS} seeds`)
      const isSmall = failures.every(({ left }) => left.length <= 3)
      const found = isSmall ? failures : hunt(name, faults, MORE).failures
      const [{ seed, left }] = found.toSorted((x, y) => x.left.length - y.left.length) as [
        Found['failures'][0],
      ]
      ok(left.length <= 3, `${left.length} faults are left: ${JSON.stringify(left)}`)
      // The bug is what fails: without it nothing does.
      equal(
        hunt(undefined, faults, { first: seed, seeds: 1 }).failures.length,
        0,
        `seed ${seed} fails anyhow`,
      )
    })
  }
})
