import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { PLAIN_GAS, RAISE_MS, WRITE_PATIENCE_MS } from '../../protocol/gas-offer.ts'
import { NothingToDo } from '../../sim/contract.ts'
import { firingOf } from '../../sim/firing.ts'
import { MEASURED_GAS, MEASURED_LATE_GAS } from '../../sim/gas.ts'
import { costWei } from '../../sim/purses.ts'
import { scenario } from '../../sim/scenario.ts'
import { partsOf, shrink } from '../../sim/shrink.ts'
import type { Timeline } from '../../sim/timeline.ts'
import { World } from '../../sim/world.ts'
import { account, BLOCK_MS, BYTES, FEES, GAS, Ground, VAIN_GAS } from '../harness/ground.ts'

describe('gas', () => {
  it('is as much as was measured', () => {
    const file = join(import.meta.dirname, '../../contracts/gas.json')
    const measured = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>
    for (const [name, { whole, call }] of Object.entries(MEASURED_GAS)) {
      assert.deepEqual([whole, call], [measured[`transaction: ${name}`], measured[name]], name)
    }
    for (const [name, gas] of Object.entries(MEASURED_LATE_GAS)) {
      assert.equal(gas, measured[`transaction: ${name}`], name)
    }
  })

  it('is paid at base fee and tip of the block that takes a transaction, by its sender', () => {
    const ground = new Ground()
    ground.send(1, 'one')
    ground.mine(15n)
    ground.send(2, 'two')
    assert.deepEqual(ground.told, ['one done', 'two done'])
    assert.deepEqual([ground.spentWei(1), ground.spentWei(2)], [GAS * 11n, GAS * 16n])
    assert.equal(ground.timeline.purses.burnedWei, GAS * 27n)
    ground.timeline.purses.check()
  })

  it('is not all: where the L2 asks for data besides, that is paid too, in vain as well', () => {
    const ground = new Ground()
    ground.mine(10n, 1, 1000n)
    ground.send(1, 'one')
    assert.equal(ground.spentWei(1), GAS * 11n + BYTES * 1000n)
    const late = ground.timeline.sign(ground.transaction(2, 'two'))
    ground.send(1, 'two')
    ground.timeline.offer(late)
    assert.equal(ground.spentWei(2), VAIN_GAS * 11n + BYTES * 1000n)
    ground.mine(10n, 1, FEES.purseWei)
    ground.send(3, 'three')
    assert.match(ground.told.at(-1)!, /InsufficientFunds/)
    assert.equal(ground.spentWei(3), 0n)
  })

  it('keeps what was signed for too little waiting, until the fee falls', () => {
    const ground = new Ground()
    const signed = ground.timeline.sign(ground.transaction(1, 'one'))
    ground.mine(21n)
    ground.timeline.offer(signed)
    assert.equal(ground.staked, 1, 'twice the fee and the tip are enough')
    const late = ground.timeline.sign(ground.transaction(1, 'two'))
    ground.mine(500n)
    ground.timeline.offer(late)
    ground.mine(500n, 5)
    assert.equal(ground.staked, 1)
    ground.mine(10n)
    assert.deepEqual(ground.told, ['one done', 'two done'])
    assert.equal(ground.timeline.counters['pricedOut'], 1)
    assert.equal(ground.timeline.counters['raised'], 0)
    assert.equal(ground.timeline.longestWaitMs, 6 * BLOCK_MS)
  })

  it('is offered more for after half a minute, but not while the sender is down', () => {
    const ground = new Ground()
    const signed = ground.timeline.sign(ground.transaction(1, 'one'))
    ground.mine(500n)
    ground.timeline.offer(signed)
    ground.up.delete(1)
    ground.mine(500n, 2 * (RAISE_MS / BLOCK_MS))
    assert.equal(ground.timeline.counters['raised'], 0)
    ground.up.add(1)
    ground.mine(500n, 2)
    assert.deepEqual(ground.told, ['one done'])
    // The tip is raised, too, from 1 to 2.
    assert.equal(ground.spentWei(1), GAS * 502n)
  })

  it('is not offered more for by who could not pay it', () => {
    const ground = new Ground()
    const signed = ground.timeline.sign(ground.transaction(1, 'one'))
    ground.mine(5_000_000n)
    ground.timeline.offer(signed)
    ground.mine(5_000_000n, RAISE_MS / BLOCK_MS + 2)
    assert.equal(ground.timeline.counters['raised'], 0)
    ground.mine(10n)
    assert.deepEqual(ground.told, ['one done'])
  })

  it('is asked for in the order in which a node sends, and signed for behind others when these are done', () => {
    const ground = new Ground()
    const first = ground.timeline.sign(ground.transaction(1, 'first'))
    ground.mine(1000n)
    ground.timeline.offer(first)
    ground.send(1, 'second')
    ground.send(2, 'other')
    assert.deepEqual(ground.told, ['other done'])
    ground.mine(10n)
    assert.deepEqual(ground.told, ['other done', 'first done', 'second done'])
    assert.equal(ground.spentWei(1), 2n * GAS * 11n)
  })

  it('takes too long: who asked is told, what is signed stays, and the rest is let be', () => {
    const ground = new Ground()
    ground.up.delete(1)
    const first = ground.timeline.sign(ground.transaction(1, 'first'))
    ground.mine(1000n)
    ground.timeline.offer(first)
    ground.up.add(1)
    ground.send(1, 'second')
    ground.up.delete(1)
    ground.mine(1000n, WRITE_PATIENCE_MS / BLOCK_MS)
    assert.deepEqual(ground.told, ['first Timeout', 'second Timeout'])
    ground.mine(10n)
    assert.deepEqual([ground.told.length, ground.staked], [2, 1])
  })

  it('is paid in vain by who comes second, and not by who would have been told before', () => {
    const ground = new Ground()
    const second = ground.timeline.sign(ground.transaction(2, 'one'))
    ground.send(1, 'one')
    ground.timeline.offer(second)
    ground.send(3, 'one')
    assert.deepEqual(ground.told, ['one done', 'one AlreadyStaked', 'one AlreadyStaked'])
    assert.deepEqual([ground.spentWei(2), ground.spentWei(3)], [VAIN_GAS * 11n, 0n])
    assert.equal(ground.timeline.counters['inVain'], 1)
    ground.timeline.purses.check()
  })

  it('is not paid by who finds nothing to do', () => {
    const ground = new Ground()
    const nothing = ground.timeline.sign(
      ground.transaction(1, 'none', () => {
        throw new NothingToDo('NotFalse')
      }),
    )
    ground.send(2, 'one')
    ground.timeline.offer(nothing)
    assert.deepEqual(ground.told, ['one done', 'none NotFalse'])
    assert.equal(ground.spentWei(1), 0n)
  })

  it('cannot be paid out of an empty purse', () => {
    const ground = new Ground()
    ground.mine(FEES.purseWei)
    ground.send(1, 'one')
    assert.deepEqual(ground.told, ['one InsufficientFunds'])
    assert.deepEqual([ground.staked, ground.spentWei(1)], [0, 0n])
  })

  it('comes back with blocks that are taken back, and is paid and raised again when sent again', () => {
    const ground = new Ground()
    ground.mine()
    ground.send(1, 'one')
    ground.timeline.takeBack(1)
    assert.deepEqual([ground.staked, ground.spentWei(1)], [1, GAS * 11n])
    ground.mine(300n)
    ground.timeline.takeBack(2)
    assert.deepEqual([ground.staked, ground.spentWei(1)], [0, 0n])
    ground.send(1, 'two')
    // It holds up what its sender sends after it until it is raised.
    ground.mine(300n, RAISE_MS / BLOCK_MS)
    assert.deepEqual(ground.told, ['one done'])
    ground.mine(300n)
    assert.deepEqual(ground.told, ['one done', 'two done'])
    // The tip is raised, too, from 1 to 2.
    assert.deepEqual([ground.staked, ground.spentWei(1)], [2, GAS * 302n + GAS * 301n])
    assert.equal(ground.timeline.counters['raised'], 1)
    ground.timeline.purses.check()
  })

  it('is not raised for what another has done, and its turn goes to nothing where others wait', () => {
    const ground = new Ground()
    ground.send(1, 'one')
    ground.timeline.takeBack(1)
    const own = ground.timeline.sign(ground.transaction(1, 'two'))
    ground.mine(300n)
    ground.timeline.offer(own)
    ground.send(2, 'two')
    assert.deepEqual(ground.told, ['one done', 'two done'])
    ground.mine(300n, (2 * RAISE_MS) / BLOCK_MS)
    assert.equal(ground.timeline.counters['emptied'], 0)
    ground.send(1, 'three')
    ground.mine(300n, RAISE_MS / BLOCK_MS + 1)
    assert.equal(ground.timeline.counters['emptied'], 1)
    assert.equal(ground.timeline.counters['raised'], 0)
    assert.deepEqual(ground.told.slice(2), ['two DoneByOther', 'three done'])
    const spentWei = GAS * 11n + PLAIN_GAS * 302n + GAS * 301n
    assert.equal(ground.spentWei(1), spentWei)
    ground.timeline.purses.check()
  })

  it('is asked about twice before its turn goes to nothing', () => {
    const ground = new Ground()
    const own = ground.timeline.sign(ground.transaction(1, 'one'))
    ground.mine(300n)
    ground.timeline.offer(own)
    ground.send(2, 'one')
    ground.send(1, 'two')
    ground.mine(300n, RAISE_MS / BLOCK_MS)
    assert.equal(ground.timeline.counters['emptied'], 0)
    ground.mine(300n, RAISE_MS / BLOCK_MS)
    assert.equal(ground.timeline.counters['emptied'], 1)
    assert.equal(ground.timeline.counters['raised'], 0)
  })

  it('is neither made nor lost, nor cheaper than the block, whatever happens', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ mine: fc.bigInt({ min: 1n, max: 300n }) }) },
      {
        weight: 3,
        arbitrary: fc.record({ sign: fc.integer({ min: 1, max: 3 }), name: fc.nat(6) }),
      },
      { weight: 3, arbitrary: fc.record({ offer: fc.nat(9) }) },
      fc.record({ takeBack: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ crash: fc.integer({ min: 1, max: 3 }) }),
    )
    const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ground = new Ground()
      const { timeline, up } = ground
      const pending: ReturnType<Timeline['sign']>[] = []
      for (const one of steps) {
        if ('mine' in one) ground.mine(one.mine, 10)
        else if ('sign' in one) {
          pending.push(timeline.sign(ground.transaction(one.sign, `${one.name}`)))
        } else if ('offer' in one) {
          const [picked] = pending.splice(one.offer % Math.max(1, pending.length), 1)
          if (picked) timeline.offer(picked)
        } else if ('takeBack' in one) timeline.takeBack(one.takeBack)
        else if (!up.delete(one.crash)) up.add(one.crash)
        timeline.purses.check()
      }
      const { payments, burnedWei } = timeline.purses
      assert.equal(
        burnedWei,
        payments.reduce((sum, payment) => sum + costWei(payment), 0n),
      )
      // Every change of the chain that stands was paid for once.
      assert.equal(payments.filter(({ isVain }) => !isVain).length, ground.staked)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('that was not paid, or too cheap, is noticed', () => {
    for (const wrong of [
      { paid: { gasWei: 9n, byteWei: 0n } },
      { paid: { gasWei: 11n, byteWei: 1n } },
      { load: { gas: 99n, bytes: BYTES } },
      { sender: account(2) },
    ]) {
      const ground = new Ground()
      ground.send(1, 'one')
      const { payments } = ground.timeline.purses
      payments[0] = { ...payments[0]!, ...wrong }
      assert.throws(() => ground.timeline.purses.check(), /gas|wei/)
    }
  })
})

describe('a network that pays gas', () => {
  const change = { jobs: 4, workloadMs: 20_000, baseFeeWei: 1_000_000, tipWei: 1_000_000 }
  const spike = { kind: 'spike', atMs: 8000, forMs: 20_000, factor: 2 } as const

  it('does what it does without, but for what waits, and says what it paid', () => {
    const free = new World(scenario(1, 'calm', { jobs: 4, workloadMs: 20_000 }))
    const { hash, steps } = free.run()
    const dear = new World(scenario(1, 'calm', change))
    const report = dear.run()
    assert.equal(report.steps, steps)
    assert.notEqual(report.hash, hash)
    assert.equal(free.timeline.purses.burnedWei, 0n)
    const { purses } = dear.timeline
    const spentWei = dear.nodes.map(({ address }) => purses.spentWei(address))
    assert.equal(
      spentWei.reduce((sum, wei) => sum + wei),
      purses.burnedWei,
    )
    assert.ok(purses.burnedWei > 0n)
  })

  it('pays a spike where one is planned, and knows one that nobody met', () => {
    const planned = (atMs: number) => {
      const one = scenario(1, 'calm', { ...change, faults: [{ ...spike, atMs }] })
      return firingOf(one, new World(one).run()).spike!
    }
    assert.ok(planned(8000) > 0)
    assert.equal(planned(3_600_000), 0)
  })

  it('settles what it can while some have nothing left to pay with', () => {
    const poor = scenario(1, 'calm', { ...change, purseGwei: 700, jobs: 2 })
    const world = new World(poor)
    world.run()
    assert.ok(world.timeline.counters['penniless']! > 0)
    for (const { address } of world.nodes) assert.ok(world.timeline.purses.leftWei(address) >= 0n)
  })

  it('is made free, and its spikes are left out, where a failure needs neither', () => {
    const failing = scenario(3, 'gas')
    const kinds = partsOf(failing).map((part) => (typeof part === 'string' ? part : part.kind))
    for (const kind of ['baseFeeWei', 'tipWei', 'spike']) assert.ok(kinds.includes(kind as never))
    assert.deepEqual(shrink(failing, () => true).parts, [])
    const needed = shrink(failing, (smaller) =>
      (smaller.faults ?? []).some(({ kind }) => kind === 'spike'),
    )
    assert.deepEqual(
      needed.parts.map((part) => (typeof part === 'string' ? part : part.kind)),
      ['spike'],
    )
  })
})
