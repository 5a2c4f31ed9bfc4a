import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'mocha'
import { armsOf } from '../../sim/cli/arms.ts'
import { firingTable, toldNeverFired } from '../../sim/cli/firing-table.ts'
import { ordersOf, runOrder } from '../../sim/cli/runner.ts'
import { parseScenario } from '../../sim/cli/scenario-file.ts'
import { summarise } from '../../sim/cli/summary.ts'
import { ENOUGH_RUNS, type Fired, firingOf, neverFired, tallied } from '../../sim/firing.ts'
import { type Scenario, SMALL, scenario, smallScenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'
import { PLANTED_DUDS } from '../harness/planted-bugs.ts'

const ROOT = join(import.meta.dirname, '../..')
const SEEDS = 100

interface Found {
  readonly failures: readonly unknown[]
  readonly fired: readonly Fired[]
}

/** @param dud none for the simulator as it is */
function dst(dud: string | undefined): { code: number | null; found: Found; said: string } {
  const planting = dud === undefined ? [] : ['--import', './test/harness/plant.ts']
  const args = [...planting, 'sim/cli/main.ts', 'dst', '--seeds', `${SEEDS}`, '--json']
  const env = { ...process.env, TRIBUTARY_PLANT: dud }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: ROOT, env, encoding: 'utf8' },
  })
  assert.ok(stdout.startsWith('{'), stderr)
  return { code: status, found: JSON.parse(stdout) as Found, said: stderr }
}

function firing(change: Partial<Scenario>) {
  const planned = scenario(1, 'calm', { ...SMALL, ...change })
  return firingOf(planned, new World(planned).run())
}

/** What a small study of depth F says of faults and attacks that did not happen. */
function unfired(settings: string): string {
  const text = `name: quiet\ndepth: gossip\nworld: { nodes: 40 }\nworkload: { messages: 6 }\n${settings}`
  const study = parseScenario(text)
  const arms = armsOf(study)
  const { verdicts } = summarise(
    study,
    arms,
    ordersOf(study, arms).map((order) => runOrder(order)),
  )
  return verdicts.map(({ text }) => text).join('\n')
}

describe('what is planned', () => {
  it(`happens in some of ${SEEDS} seeds, each fault and each adversary that they draw`, () => {
    const { code, found } = dst(undefined)
    assert.equal(code, 0)
    const names = found.fired.map(({ name }) => name)
    for (const name of ['partition', 'crash', 'verdict', 'loss', 'skewMs', 'idleWorkers']) {
      assert.ok(names.includes(name), name)
    }
    for (const { name, planned, fired, times } of found.fired) {
      assert.ok(fired > 0 && fired <= planned && times >= fired, name)
    }
  })

  for (const dud of Object.keys(PLANTED_DUDS)) {
    it(`and never happens is found: ${dud} that do nothing`, () => {
      const { code, found, said } = dst(dud)
      assert.equal(code, 1)
      assert.deepEqual(found.failures, [])
      assert.deepEqual(
        neverFired(found.fired).map(({ name }) => name),
        [dud],
      )
      assert.match(said, new RegExp(`${dud} never happened in \\d+ runs that planned it`))
    })
  }

  it('is counted by its class, whether it happens or not', () => {
    assert.deepEqual(firing({}), {})
    const faults = [
      { kind: 'crash', atMs: 4000, node: 1, forMs: 1000, wiped: true },
      { kind: 'outage', atMs: 5000, forMs: 1000 },
      // Everybody is on one side, so nothing is cut off.
      { kind: 'partition', atMs: 4000, forMs: 1000, side: [] },
    ] as const
    const all = firing({ faults, loss: 0.2, chainFailures: 0.3, skewMs: 500, choosyWorkers: 1 })
    assert.deepEqual(Object.keys(all).sort(), [
      ...['chainFailures', 'choosyWorkers', 'crash', 'lostDisk', 'loss', 'outage'].sort(),
      ...['partition', 'skewMs'],
    ])
    const { crash, lostDisk, outage, partition, loss, chainFailures, skewMs } = all
    assert.deepEqual([crash, lostDisk, outage, partition], [1, 1, 1, 0])
    assert.ok(loss! > 0 && chainFailures! > 0 && skewMs! > 0)
  })

  it('is told of workers and of validators apart', () => {
    const { lyingWorkers, lyingValidators } = firing({ lyingWorkers: 1, lyingValidators: 1 })
    const { counters } = new World(
      scenario(1, 'calm', { ...SMALL, lyingWorkers: 1, lyingValidators: 1 }),
    ).run()
    assert.equal(lyingWorkers! + lyingValidators!, counters['lying'])
  })

  it('can happen in the small clusters: turncoats are trusted first, and a ring has a worker', () => {
    const seeds = Array.from({ length: 100 }, (_, index) => index + 1)
    const rogues = seeds.map((seed) => smallScenario(seed, 'rogues'))
    const ringless = rogues.filter((one) => one.colludingValidators > 0 && !one.colludingWorkers)
    assert.deepEqual(ringless, [])
    const turncoats = rogues.filter(({ turncoatWorkers }) => turncoatWorkers > 0)
    const fired = turncoats.map((one) => firingOf(one, new World(one).run()).turncoatWorkers)
    assert.ok(fired.length > 0 && fired.some((times) => times! > 0), `${fired}`)
  })

  it('is held against nobody before enough runs planned it', () => {
    const never = (runs: number) => tallied(Array.from({ length: runs }, () => ({ verdict: 0 })))
    assert.deepEqual(toldNeverFired(never(ENOUGH_RUNS - 1)), [])
    assert.match(firingTable(never(3)), /verdict +3 +0 +0 +too few runs to say; 50 would do/)
    const enough = never(ENOUGH_RUNS)
    assert.match(toldNeverFired(enough)[0]!, /^verdict never happened in 50 runs/)
    assert.match(firingTable(enough), /verdict +50 +0 +0 +never happened/)
    const once = tallied([...Array.from({ length: 60 }, () => ({ verdict: 0 })), { verdict: 2 }])
    assert.deepEqual(once, [{ name: 'verdict', planned: 61, fired: 1, times: 2 }])
    assert.deepEqual(toldNeverFired(once), [])
  })

  it('at depth F is counted, too', () => {
    const attack = 'adversaries: { sybils: 40, attack: degrade'
    assert.equal(unfired(`${attack}, silent: 0.3 }\nfaults: { loss: 0.2 }`), '')
    assert.match(unfired(`${attack}, attackFromMs: 86400000 }`), /attack degrade did nothing/)
    assert.match(unfired('adversaries: { silent: 0.0001 }'), /silent did nothing: not with seed 1/)
    assert.match(unfired('faults: { loss: 0.0000001 }'), /faults.loss never happened: resent is 0/)
  })

  it('by a mix and never happens fails a study', () => {
    const text = 'name: mixed\ndepth: protocol\nseeds: 60\nfaults: { mix: swarm }'
    const study = parseScenario(text)
    const runs = (times: number) =>
      study.seeds.map((seed) => ({
        ...{ arm: 0, seed, hash: '', figures: {}, tables: {}, virtualSeconds: 1 },
        firing: { outage: seed === 7 ? times : 0 },
      }))
    const { passed, verdicts } = summarise(study, armsOf(study), runs(0))
    assert.equal(passed, false)
    assert.match(verdicts[0]!.text, /outage never happened in 60 runs/)
    assert.ok(summarise(study, armsOf(study), runs(1)).passed)
  })
})
