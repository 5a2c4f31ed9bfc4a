import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Effect } from '../../coordinator-free/events.ts'
import { FAULTS, type Faults, SMALL, scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

/** Seeds that once found something, and a few more. */
const SEEDS: Readonly<Record<Faults, readonly number[]>> = {
  calm: [1],
  choosy: [1],
  lossy: [1],
  crash: [1, 2],
  liars: [1, 2],
  // Seed 9 showed that a validator could propose but once, and that an empty batch was posted anew as it was.
  judged: [1, 2, 9],
  bribed: [1],
  unseen: [1, 3],
  // Seed 1 showed that a worker which beats without getting on kept its turn for ever.
  storm: [1, 2],
  swarm: [1, 2, 3, 4, 5, 6],
  rogues: [1, 2, 3, 4],
  // In both somebody pays a spike, and comes too late.
  gas: [16, 32],
  parts: [1, 2, 3, 4],
}

/** A fault that never fired has tested nothing. */
const MUST_FIRE: Readonly<Partial<Record<Faults, readonly string[]>>> = {
  choosy: ['refusals'],
  lossy: ['lost', 'doubled'],
  crash: ['crashes'],
  liars: ['forged', 'malformed'],
  judged: ['verdicts'],
  bribed: ['upheld', 'shown', 'crashes', 'proved', 'punished'],
  unseen: ['unseen', 'lying'],
  storm: ['lost', 'crashes', 'partitions', 'cut', 'outages'],
  gas: ['spikes', 'dear', 'inVain'],
  parts: ['reorgs'],
}

describe('the network', () => {
  for (const faults of FAULTS) {
    for (const seed of SEEDS[faults]) {
      it(`settles every job once and for good (${faults}, seed ${seed})`, () => {
        const report = new World(scenario(seed, faults)).run()
        const repeat = `npm run sim -- --faults ${faults} --seed ${seed}`
        assert.ok(report.final, `${report.settled} of ${report.jobs} settled; repeat: ${repeat}`)
        for (const name of MUST_FIRE[faults] ?? []) {
          assert.ok((report.counters[name] ?? 0) > 0, `${name} never happened; repeat: ${repeat}`)
        }
      })
    }
  }

  it('says to everyone what validators keep from each other', () => {
    const said = { everyone: 0, validators: 0 }
    const observe = (_atMs: number, _node: unknown, effect: Effect): void => {
      if (effect.kind !== 'publish' || effect.message.kind !== 'endorsement') return
      said[effect.aloud ? 'everyone' : 'validators'] += 1
    }
    const world = { workers: 60, validators: 8, workloadMs: 200_000, hushed: 1 }
    const report = new World(scenario(1, 'calm', world), observe).run()
    assert.ok(report.final)
    assert.equal(report.counters['hushed'], said.validators)
    assert.ok(said.everyone > 0)
  })

  it('gets on when but one node has been up for a while', () => {
    const down = { kind: 'crash', atMs: 3000, forMs: 20_000 } as const
    const faults = [1, 2, 3, 4, 5, 6].map((node) => ({ ...down, node }))
    const report = new World(scenario(1, 'calm', { jobs: 1, faults })).run()
    assert.equal(report.counters['crashes'], faults.length)
    assert.ok(report.final)
  })

  // In 53, a requester had signed too little after a crash, and its job kept everybody's batches from being posted.
  for (const seed of [53, 54, 55, 56]) {
    it(`settles the jobs of a small cluster (seed ${seed})`, () => {
      const small = { workers: 4, validators: 4, jobs: 2, workloadMs: 10_000, healMs: 300_000 }
      const report = new World(scenario(seed, 'swarm', small)).run()
      assert.ok(report.final, `${report.settled} of ${report.jobs} settled`)
    })
  }

  // Seed 37 showed that a network which could not post for two epochs never posted again.
  it('goes on after an outage of the L2', () => {
    const faults = [{ kind: 'outage', atMs: 10_536, forMs: 42_253 }] as const
    const report = new World(scenario(37, 'calm', { ...SMALL, jobs: 1, faults })).run()
    assert.ok(report.final)
    assert.equal(report.counters['outages'], 1)
  })

  it('checks real signatures where it shall', () => {
    const report = new World(scenario(1, 'liars', { crypto: 'real', jobs: 2 })).run()
    assert.ok(report.final)
    assert.ok((report.counters['forged'] ?? 0) > 0)
  })

  it('does the same twice from one seed, and something else from another', () => {
    const run = (seed: number) => new World(scenario(seed, 'storm', { jobs: 3 })).run().hash
    assert.equal(run(7), run(7))
    assert.notEqual(run(7), run(8))
  })
})
