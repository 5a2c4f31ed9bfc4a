import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { gasLimit, RAISE_MS } from '../../protocol/gas-offer.ts'
import { ELASTICITY, nextBaseFee } from '../../sim/base-fee.ts'
import { firingOf } from '../../sim/firing.ts'
import type { Signed } from '../../sim/mempool.ts'
import { scenario } from '../../sim/scenario.ts'
import { partsOf } from '../../sim/shrink.ts'
import { World } from '../../sim/world.ts'
import { account, BLOCK_MS, FEES, GAS, Ground } from '../harness/ground.ts'

/** Room for what one transaction may take, and for as much as it does take, but not for another. */
const BLOCK_GAS = gasLimit(GAS) + GAS - 1n
const OTHERS = { maxFeeWei: 1_000_000n, tipWei: 5n }
const SPACE = { blockGas: BLOCK_GAS, othersGas: 0n, others: OTHERS }
const ROOMY = { blockGas: 600_000n, othersGas: 0n, others: OTHERS }

/** One that offers another tip than is suggested. */
function tipping(ground: Ground, sender: number, name: string, tipWei: bigint): Signed {
  const signed = ground.timeline.sign(ground.transaction(sender, name))
  return { ...signed, offer: { maxFeeWei: 10_000n, tipWei } }
}

function others(ground: Ground, wanted: bigint, blocks = 1): void {
  ground.mine(undefined, blocks, 0n, wanted)
}

/** What each block has asked for, as its nodes have heard it. */
function feesOf({ timeline }: Ground): bigint[] {
  return timeline.chain.facts.flatMap((fact) => (fact.kind === 'block' ? [fact.baseFeeWei!] : []))
}

describe('blocks with a limit', () => {
  it('take those first who tip most, and the others in the next ones', () => {
    const ground = new Ground(SPACE)
    for (const [index, tipWei] of [2n, 7n, 4n].entries()) {
      ground.timeline.offer(tipping(ground, index + 1, `tip ${tipWei}`, tipWei))
    }
    assert.deepEqual(ground.told, [])
    ground.mine()
    assert.deepEqual(ground.told, ['tip 7 done'])
    assert.equal(ground.timeline.counters['crowdedOut'], 2)
    ground.mine()
    ground.mine()
    assert.deepEqual(ground.told, ['tip 7 done', 'tip 4 done', 'tip 2 done'])
    assert.equal(ground.timeline.counters['fullBlocks'], 2)
    assert.equal(ground.timeline.longestWaitMs, 3 * BLOCK_MS)
    ground.timeline.check()
  })

  it('take what tips as much in the order in which it came, and what one has sent in its order', () => {
    const ground = new Ground(ROOMY)
    ground.send(2, 'one')
    ground.send(1, 'two')
    ground.send(2, 'three')
    ground.mine()
    assert.deepEqual(ground.told, ['one done', 'two done'])
    // Its outbox signs it when it has seen that the one before is in a block.
    ground.mine()
    assert.deepEqual(ground.told, ['one done', 'two done', 'three done'])
  })

  it('take what was in blocks that came back in its order, however much the later one tips', () => {
    const ground = new Ground(ROOMY)
    ground.timeline.offer(tipping(ground, 1, 'first', 1n))
    ground.mine()
    ground.timeline.offer(tipping(ground, 1, 'second', 9n))
    ground.mine()
    ground.timeline.takeBack(2)
    assert.equal(ground.staked, 0)
    ground.timeline.offer(tipping(ground, 2, 'other', 5n))
    ground.mine()
    const staked = ground.timeline.chain.facts.flatMap((fact) =>
      fact.kind === 'staked' ? [Buffer.from(fact.node.slice(2), 'hex').toString()] : [],
    )
    assert.deepEqual(
      staked.map((name) => name.replaceAll('\0', '')),
      ['other', 'first', 'second'],
    )
    assert.equal(ground.timeline.counters['pricedOut'], 0)
    ground.timeline.check()
  })

  it('have no room for us where others want all of it, and tip as much', () => {
    const ground = new Ground(SPACE)
    ground.timeline.offer(tipping(ground, 1, 'less', 5n))
    ground.timeline.offer(tipping(ground, 2, 'more', 6n))
    others(ground, BLOCK_GAS)
    assert.deepEqual(ground.told, ['more done'])
    others(ground, BLOCK_GAS, 10)
    assert.deepEqual(ground.told, ['more done'])
    ground.mine()
    assert.deepEqual(ground.told, ['more done', 'less done'])
    ground.timeline.check()
  })

  it('let those in who offer a tenth more than others, as is suggested then, and so who raises', () => {
    const ground = new Ground({ ...ROOMY, others: { maxFeeWei: 1_000_000n, tipWei: 1000n } })
    const suggested = () => ground.timeline.sign(ground.transaction(1, 'any')).offer.tipWei
    // There is room for another large transaction.
    others(ground, ROOMY.blockGas / 2n)
    assert.equal(suggested(), FEES.tipWei)
    ground.send(1, 'early')
    others(ground, ROOMY.blockGas)
    assert.equal(suggested(), 1100n)
    ground.send(2, 'late')
    others(ground, ROOMY.blockGas)
    assert.deepEqual(ground.told, ['late done'])
    others(ground, ROOMY.blockGas, RAISE_MS / BLOCK_MS)
    assert.deepEqual(ground.told, ['late done', 'early done'])
    assert.equal(ground.timeline.counters['raised'], 1)
  })

  it('suggest a tip by what is whole: what a node signs when its own is in a block may be for the next', () => {
    const ground = new Ground({ ...ROOMY, others: { maxFeeWei: 1_000_000n, tipWei: 1000n } })
    others(ground, ROOMY.blockGas)
    const tipsWei: bigint[] = []
    const sign = () =>
      tipsWei.push(ground.timeline.sign(ground.transaction(1, 'next')).offer.tipWei)
    const first = tipping(ground, 1, 'first', 2000n)
    ground.timeline.offer({ ...first, transaction: { ...first.transaction, told: sign } })
    others(ground, ROOMY.blockGas)
    assert.deepEqual(tipsWei, [1100n])
  })

  it('ask for more after others have filled them, and for less after that, but never less than at first', () => {
    const usualWei = 1_000_000n
    const ground = new Ground({ ...ROOMY, others: { maxFeeWei: 10n ** 12n, tipWei: 5n } }, usualWei)
    others(ground, ROOMY.blockGas, 200)
    // 1.02 to the power of 199 is 51.
    assert.equal(ground.timeline.highestFeeWei / usualWei, 51n)
    ground.mine(undefined, 1100)
    const fees = feesOf(ground)
    assert.equal(fees.at(-1), usualWei)
    let baseFeeWei = usualWei
    for (const [index, fee] of fees.entries()) {
      assert.equal(fee, baseFeeWei)
      const gasUsed = index >= 1 && index <= 200 ? ROOMY.blockGas : 0n
      baseFeeWei = nextBaseFee({ baseFeeWei, gasUsed }, ROOMY.blockGas, usualWei)
    }
    assert.equal(ground.timeline.counters['risenFees'], 200)
  })

  it('are left by others when they ask for more than these pay', () => {
    const most = 3_000_000n
    const ground = new Ground({ ...ROOMY, others: { maxFeeWei: most, tipWei: 5n } }, 1_000_000n)
    others(ground, ROOMY.blockGas, 200)
    const fees = feesOf(ground).slice(-100)
    for (const fee of fees) assert.ok(100n * fee > 98n * most && 100n * fee < 103n * most, `${fee}`)
    assert.ok(fees.some((fee) => fee > most) && fees.some((fee) => fee < most))
  })

  it('ask for what a spike makes of it where that is more', () => {
    const ground = new Ground(ROOMY)
    ground.mine(500n, 3)
    assert.deepEqual(feesOf(ground), [10n, 500n, 500n, 500n])
    ground.mine()
    assert.equal(feesOf(ground).at(-1), 10n)
    assert.equal(ground.timeline.counters['risenFees'], 0)
  })

  it('take their fees back with them: those in their stead follow from what is in these', () => {
    const ground = new Ground(SPACE)
    const alone = new Ground(SPACE)
    for (let block = 0; block < 6; block++) {
      ground.timeline.offer(tipping(ground, 1 + (block % 3), `${block}`, 9n))
      // Where others are alone they just meet the target.
      const gas = block === 3 ? BLOCK_GAS : BLOCK_GAS / ELASTICITY
      others(ground, gas)
      others(alone, gas)
    }
    assert.ok(ground.staked > 0)
    assert.notDeepEqual(feesOf(ground), feesOf(alone))
    ground.timeline.takeBack(100)
    assert.deepEqual(feesOf(ground), feesOf(alone))
    assert.equal(ground.timeline.purses.burnedWei, 0n)
    ground.timeline.check()
    ground.mine(undefined, 20)
    assert.equal(ground.staked, 6)
    ground.timeline.check()
  })

  it('never hold more than they can, nor ask for other than the one before leads to, whatever happens', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ mine: fc.integer({ min: 1, max: 40 }) }) },
      {
        weight: 3,
        arbitrary: fc.record({ send: fc.integer({ min: 1, max: 3 }), name: fc.nat(9) }),
      },
      fc.record({ spike: fc.bigInt({ min: 10n, max: 300n }) }),
      fc.record({ takeBack: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ crash: fc.integer({ min: 1, max: 3 }) }),
    )
    const wanted = fc.bigInt({ min: 0n, max: 2n * BLOCK_GAS })
    const property = fc.property(fc.array(fc.tuple(step, wanted), { maxLength: 60 }), (steps) => {
      const ground = new Ground(SPACE)
      const { timeline, up } = ground
      for (const [one, gas] of steps) {
        if ('mine' in one) others(ground, gas, one.mine)
        else if ('send' in one) ground.send(one.send, `${one.name}`)
        else if ('spike' in one) ground.mine(one.spike, 10, 0n, gas)
        else if ('takeBack' in one) timeline.takeBack(one.takeBack)
        else if (!up.delete(one.crash)) up.add(one.crash)
        timeline.check()
      }
      const { payments } = timeline.purses
      assert.equal(payments.filter(({ isVain }) => !isVain).length, ground.staked)
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('that hold too much, or ask for too little, are noticed', () => {
    const ground = new Ground(SPACE)
    ground.send(1, 'one')
    ground.mine()
    const { payments } = ground.timeline.purses
    payments.push({ ...payments[0]!, sender: account(2) })
    assert.throws(() => ground.timeline.check(), /gas|wei/)
  })
})

describe('a network whose blocks others fill', () => {
  const change = {
    ...{ jobs: 4, workloadMs: 20_000, baseFeeWei: 1_000_000, tipWei: 1_000_000 },
    blockGas: 10_000_000,
  }
  const burst = { kind: 'burst', atMs: 8000, forMs: 30_000, gas: 9_000_000 } as const

  it('meets a burst where one is planned, and knows one that nobody met', () => {
    const planned = (atMs: number) => {
      const one = scenario(1, 'calm', { ...change, faults: [{ ...burst, atMs }] })
      return firingOf(one, new World(one).run())
    }
    const { burst: met, risenFees } = planned(8000)
    assert.ok(met! > 0 && risenFees! > 0)
    assert.deepEqual(planned(3_600_000), { burst: 0, risenFees: 0 })
  })

  it('settles all while blocks are full for as long as it takes', () => {
    const full = { ...change, othersGas: 20_000_000, othersTipWei: 50_000_000 }
    const { final, counters } = new World(scenario(1, 'calm', full)).run()
    assert.ok(final)
    assert.ok(counters['fullBlocks']! > 10)
  })

  it('loses its limit and its others where a failure needs neither', () => {
    const busy = scenario(1, 'calm', { ...change, othersGas: 1, bursts: 1 })
    const kinds = partsOf(busy).map((part) => (typeof part === 'string' ? part : part.kind))
    assert.deepEqual(kinds, ['baseFeeWei', 'tipWei', 'blockGas', 'othersGas', 'burst'])
  })
})
