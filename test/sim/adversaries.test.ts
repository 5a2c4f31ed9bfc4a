import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import {
  type Balance,
  balancesOf,
  honestSlashes,
  incomeOf,
} from '../../sim/adversaries/earnings.ts'
import { ADVERSARIES, ADVERSARY_KEYS, type AdversaryKey } from '../../sim/adversaries/kinds.ts'
import { CALM, type Scenario, scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

const SIZE = { workers: 4, validators: 4, jobs: 12 } as const

/** What an attack needs beside its one adversary to be one. */
const WITH: Readonly<Partial<Record<AdversaryKey, Partial<Scenario>>>> = {
  turncoatWorkers: { jobs: 24 },
  colludingWorkers: { validators: 8, colludingValidators: 2 },
  colludingValidators: { validators: 8, colludingWorkers: 1 },
  grindingWorkers: { validators: 8, colludingValidators: 3 },
  withholdingValidators: { jobs: 24 },
  sybilWorkers: { sybilWorkers: 3, jobs: 24 },
  sybilValidators: { sybilValidators: 3 },
}

function run(change: Partial<Scenario>, seed = 1) {
  const world = new World(scenario(seed, 'calm', { ...SIZE, ...change }))
  return { world, report: world.run() }
}

describe('an adversary', () => {
  for (const key of ADVERSARY_KEYS) {
    const { role, manner } = ADVERSARIES[key]
    it(`that is a ${manner} ${role} does its worst, and no honest node is slashed`, () => {
      const { world, report } = run({ [key]: 1, ...WITH[key] })
      assert.ok((report.counters[manner] ?? 0) > 0, `${manner} never happened`)
      assert.equal(honestSlashes(world), 0)
      assert.ok(report.final, `${report.settled} settled`)
    })
  }

  it('may get a lie through where validators that say the opposite are most of an audit', () => {
    const liars = { validators: 6, jobs: 20, lyingWorkers: 2 }
    const { world, report } = run({ ...liars, lyingValidators: 2 })
    assert.ok(report.final && world.checkers.falseFinal > 0)
    assert.equal(run({ ...liars, lyingValidators: 1 }).world.checkers.falseFinal, 0)
  })

  it('is compared with an honest node in its place, from the same seed', () => {
    const { world, report } = run({ idleWorkers: 1 })
    const [balance, ...others] = balancesOf(world)
    assert.deepEqual(others, [])
    const { manner, nodes, strikes, earnedWei, slashedWei, costWei, honest } = balance!
    assert.deepEqual(
      { manner, nodes, strikes },
      { manner: 'idle', nodes: 1, strikes: report.counters['idle'] },
    )
    assert.deepEqual(
      { earnedWei, slashedWei, costWei },
      { earnedWei: 0n, slashedWei: 0n, costWei: 0n },
    )
    assert.ok(honest.earnedWei > honest.costWei && honest.costWei > 0n && honest.slashedWei === 0n)
  })

  it('is compared when all is final and paid, be it one job', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { world, report } = run({ jobs: 1, idleWorkers: 1 }, seed)
      assert.ok(report.final)
      assert.equal(world.chain.headerAt(world.chain.finalised), undefined)
      const workers = world.nodes.filter(({ options: { role } }) => role === 'worker')
      const { earnedWei, costWei } = incomeOf(world, workers)
      assert.ok(costWei > 0n && earnedWei > costWei, `seed ${seed}: ${earnedWei} of ${costWei} wei`)
    }
  })

  it('that says two things pays for it, whoever reports it', () => {
    for (const key of ['equivocatingWorkers', 'equivocatingValidators'] as const) {
      const { world } = run({ [key]: 1, ...WITH[key] })
      assert.ok(balancesOf(world)[0]!.slashedWei > 0n, key)
      assert.ok(world.chain.slashes.every(({ why }) => why === 'contradicted'))
    }
  })

  it('of a ring that nobody calls a jury on gets lies through, and one too small for a seat majority none', () => {
    const ring = { validators: 8, colludingWorkers: 1, jobs: 24 }
    assert.ok(run({ ...ring, colludingValidators: 5 }).report.counters['falseFinal']! > 0)
    assert.equal(run({ ...ring, colludingValidators: 1 }).report.counters['falseFinal'], 0)
  })

  it('that waits for seats of its own ring lies when it has them, and earns no less', () => {
    const { world, report } = run({
      ...{ validators: 9, jobs: 24, grindingWorkers: 1, colludingValidators: 6 },
    })
    assert.ok(report.counters['falseFinal']! > 0)
    const grinder = balancesOf(world).find(({ manner }) => manner === 'grinding')!
    assert.equal(grinder.earnedWei, grinder.honest.earnedWei)
    assert.ok(grinder.costWei < grinder.honest.costWei)
  })

  it('that copies what comes after its turn is paid nothing for it', () => {
    const { world, report } = run({ copyingWorkers: 1 })
    assert.ok(report.counters['copying']! > 0)
    const [{ earnedWei, honest }] = balancesOf(world) as [Balance]
    assert.ok(earnedWei === 0n && honest.earnedWei > 0n)
  })

  it('that passes unseen is paid less than one that looks', () => {
    const { world } = run({ unseenValidators: 1 })
    const [{ earnedWei, honest }] = balancesOf(world) as [Balance]
    assert.ok(earnedWei < honest.earnedWei)
  })

  it('of a ring that passes unseen pays for what it was paid for, and nobody else does [D14]', () => {
    const ring = { validators: 6, unseenValidators: 2, jobs: 24 }
    const { world, report } = run({ ...ring, windowMs: 30_000, challengeBonds: 3 })
    assert.ok(report.counters['unmasked']! > 0)
    const [{ slashedWei, honest }] = balancesOf(world) as [Balance]
    assert.ok(slashedWei > 0n && honest.slashedWei === 0n)
    assert.equal(honestSlashes(world), 0)
    // What they passed was right all the same: it stays settled.
    assert.equal(world.chain.finalised, world.chain.posted)
    assert.ok(world.nodes[0]!.core.ledger.takenBack.size === 0 && report.final)
  })

  it('that passes fine-tunes unseen is paid nothing, and those who look are paid as ever', () => {
    // The first job is a fine-tune.
    const { world } = run({ unseenValidators: 2, validators: 3, jobs: 1 })
    const [{ earnedWei, honest }] = balancesOf(world) as [Balance]
    assert.ok(earnedWei === 0n && honest.earnedWei > 0n)
    const [receipt] = world.nodes[0]!.core.ledger.batches.get(1)!.data!.receipts
    const [looked] = world.nodes.filter(
      ({ options: { manner, role } }) => manner === 'honest' && role === 'validator',
    )
    assert.equal(receipt!.task, 'fine-tune')
    assert.deepEqual(receipt!.passedBy, [looked!.address])
  })

  it('as a sybil has one stake and one account, in however many nodes', () => {
    const { world } = run({ sybilWorkers: 4 })
    const { chain, nodes } = world
    const sybils = nodes.filter(({ options }) => options.manner === 'sybil')
    assert.equal(new Set(sybils.map(({ address }) => chain.ownerOf(address))).size, 1)
    const staked = sybils.map(({ address }) => nodes[0]!.core.ledger.members.get(address)!.stakeWei)
    const whole = nodes[0]!.core.ledger.members.get(nodes[1]!.address)!.stakeWei
    assert.equal(
      staked.reduce((sum, wei) => sum + wei, 0n),
      whole,
    )
  })
})

describe('with 30 % loss, 2 of 7 nodes crashed and 1 lying', () => {
  for (const seed of [1, 2, 3]) {
    it(`all jobs are settled, once and correctly, and no honest node is slashed (seed ${seed})`, () => {
      const down = { kind: 'crash', atMs: 3000, forMs: CALM.workloadMs } as const
      const faults = [
        { ...down, node: 2 },
        { ...down, node: 5 },
      ]
      const small = { workers: 3, validators: 3, jobs: 8 }
      const { world, report } = run({ ...small, loss: 0.3, lyingWorkers: 1, faults }, seed)
      assert.equal(world.nodes.length, 7)
      assert.equal(report.counters['crashes'], 2)
      assert.ok(report.counters['lost']! > 0 && report.counters['lying']! > 0)
      assert.ok(report.final, `${report.settled} of ${report.jobs} settled`)
      assert.equal(report.counters['falseFinal'], 0)
      assert.equal(honestSlashes(world), 0)
    })
  }
})
