import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import type { Economy } from '../../../sim/economy/economy.ts'
import { economyScenario } from '../../../sim/economy/scenario.ts'
import { seatedOfRing } from '../../../sim/economy/seats.ts'
import { HONEST, STRATEGIES, type Strategy } from '../../../sim/economy/strategies.ts'
import { earns, played, slashedOf } from '../../../sim/economy/study.ts'
import { Streams } from '../../../sim/kernel/streams.ts'

const SEEDS = [1, 2, 3, 4]
/** A quarter of a year in which no claim is false, so that nothing but transcripts is judged. */
const SHORT = { nodes: 50, epochs: 2190, ringShare: 0.3, falseClaims: 0 }
const EVERYWHERE = STRATEGIES['passing unseen']
const MOST = STRATEGIES['passing unseen where it has most seats']
const ALL = STRATEGIES['passing unseen where it has all seats']
const RING = 3

const run = (strategy: Strategy, change = {}): Economy =>
  played(economyScenario({ ...SHORT, ...change }), strategy)

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, wei) => total + wei, 0n)

const among = (names: number, strategy: Strategy): Strategy => ({
  ...strategy,
  nodes: [1, names],
  honestNodes: [1, names],
})

describe('passing answers unseen', () => {
  it('costs a ring that has most of the seats its stake, and nobody else anything', () => {
    for (const seed of SEEDS) {
      const economy = run(MOST, { seed })
      const { validators, counts } = economy
      for (let validator = 0; validator < RING; validator++) {
        const left = validators.stakesWei[validator]! * 10n
        assert.ok(left < validators.startedWei[validator]!, `${validator} still has ${left}`)
      }
      assert.equal(slashedOf(economy), 0)
      assert.deepEqual([counts.voided, counts.paid], [0, counts.jobs])
    }
    assert.ok(earns(MOST, SHORT, SEEDS).part.high < 0)
  })

  it('costs those only who opened what they made up', () => {
    const names = 10
    const hit = Array.from({ length: 20 }, (_, seed) => {
      const { validators } = run(among(names, MOST), { seed, epochs: 1, jobsAWorker: 0.05 })
      return validators.slashedWei.filter((wei) => wei > 0n).length
    })
    assert.ok(hit.includes(0) && hit.includes(2) && !hit.includes(1), `${hit}`)
    assert.ok(!hit.includes(names), `${hit}`)
  })

  it('is found by spot checks where nobody else has a seat, now and then', () => {
    // However often a check misses what is false: another transcript it sees.
    const { validators } = run(ALL, { ringShare: 0.5, epochs: 50, miss: 1 })
    const slashedWei = sum(validators.slashedWei)
    assert.ok(slashedWei > 0n)
    assert.ok(slashedWei * 2n < sum(validators.startedWei.slice(0, RING)), `${slashedWei}`)
    assert.ok(earns(ALL, { ...SHORT, ringShare: 0.5 }, SEEDS).part.high < 0)
  })

  it('is as honest where a ring never has the seats that it waits for', () => {
    const change = { ...SHORT, falseClaims: 0.05 }
    const { part } = earns(among(2, ALL), change, SEEDS)
    assert.ok(Math.abs(part.mean) < 1e-9, `${part.mean}`)
    assert.ok(earns(among(2, MOST), change, SEEDS).part.high < 0)
  })

  it('costs nothing, and pays, where no jury is called', () => {
    for (const strategy of [MOST, ALL]) {
      const change = { ...SHORT, challenged: 0 }
      assert.equal(sum(run(strategy, change).validators.slashedWei), 0n)
      assert.ok(earns(strategy, change, SEEDS).part.low > 0)
    }
  })

  it('costs those who accuse their bond where jurors are the ring’s', () => {
    const change = { ringShare: 0.95, epochs: 200 }
    const { validators, elsewhere } = run(among(30, MOST), change)
    assert.equal(sum(validators.slashedWei), 0n)
    assert.ok(elsewhere.burnedWei > 0n)
    assert.ok(earns(among(30, MOST), { ...SHORT, ...change }, SEEDS).part.low > 0)
  })

  it('is paid where a ring has two seats or three, and only there; others where it has none or one', () => {
    const change = { challenged: 0 }
    const [honest, everywhere, most] = [HONEST, EVERYWHERE, MOST].map((strategy) =>
      run(strategy, change),
    )
    const parts = partsOf(SHORT.ringShare)
    const held = RING * SHORT.ringShare
    const two = (2 * parts[2]! + 3 * parts[3]!) / held
    const fewer = (3 * parts[0]! + 2 * parts[1]!) / (3 - held)
    near(paidTo(everywhere!, true) / paidTo(honest!, true), two)
    near(paidTo(everywhere!, false) / paidTo(honest!, false), fewer)
    near(paidTo(most!, true) / paidTo(honest!, true), 1)
    near(paidTo(most!, false) / paidTo(honest!, false), 1 - parts[2]! / (3 - held))
    near(checksOf(everywhere!) / checksOf(honest!), 0)
    near(checksOf(most!) / checksOf(honest!), 1 - two)
  })

  it('does not pay in names of the least stake, as it did where a twentieth was slashed', () => {
    const part = (endorserSlashBps: number) => {
      const governed = { ...INITIAL_VALUES, endorserSlashBps }
      return earns(ALL, { ...SHORT, ringShare: 0.2, ringNameOpen: 1, governed }, SEEDS).part
    }
    assert.ok(part(500).low > 0)
    assert.ok(part(INITIAL_VALUES.endorserSlashBps).high < 0)
  })

  it('meets seats as the wheel has them', () => {
    const { tribunal } = run(HONEST, { nodes: 300, ringShare: 0.5, epochs: 1 })
    const wheel = [0, 0, 0, 0]
    for (let draw = 0; draw < DRAWS; draw++) {
      wheel[tribunal.seats().filter((validator) => validator < RING).length]! += 1 / DRAWS
    }
    // Four standard deviations of so many draws, twice, are at most 0.02.
    for (const [seats, chance] of partsOf(0.5).entries()) near(wheel[seats]!, chance, 0.02)
  })

  it('meets the same seats in names so many that each seat is drawn by itself', () => {
    const wheel = partsOf(0.5, 50)
    for (const [seats, chance] of partsOf(0.5, 51).entries()) near(wheel[seats]!, chance, 0.02)
  })

  it('gives one name one seat of a claim, however much lies in it', () => {
    const streams = new Streams(1, 'adversary', 1)
    const shares = [0.9, ...new Array<number>(50).fill(0.001)]
    let held = 0
    for (let draw = 0; draw < 1000; draw++) {
      const seated = seatedOfRing(shares, 0.05, () => streams.uint32(0) / 2 ** 32)
      assert.equal(new Set(seated).size, seated.length)
      held += seated.length / 1000
    }
    // One in the great name, nearly always, and each second one of the others.
    near(held, 2, 0.15)
  })
})

describe('a ring that says what each of its names stakes', () => {
  const change = { nodes: 300, epochs: 1, ringNameOpen: 1.5 }

  it('stands under as many as its share allows, with all of it, honest or not', () => {
    for (const isHonest of [true, false]) {
      const { population, validators } = played(economyScenario(change), ALL, isHonest)
      const ring = validators.startedWei.slice(0, population.ringValidators)
      const whole = sum(validators.startedWei)
      assert.equal(ring.length, Math.floor(Number(sum(ring)) / 1.5e18))
      assert.ok(ring.every((wei) => wei >= 15n * 10n ** 17n))
      near(Number(sum(ring)) / Number(whole), 0.1, 1e-6)
    }
  })

  it('has one name at the least', () => {
    const { population } = run(ALL, { ...change, ringShare: 0.1, ringNameOpen: 1000 })
    assert.equal(population.ringValidators, 1)
  })

  it('is paid for its own seats only where it grinds for them', () => {
    const grinding = { ...SHORT, ringShare: 0.5, ringWork: 0.5, capacity: 1000, challenged: 0 }
    const income = (names: object) => {
      const { validators, population } = run(STRATEGIES.grinding, { ...grinding, ...names })
      return Number(sum(validators.incomeWei.slice(0, population.ringValidators)))
    }
    near(income({ ringNameOpen: 1 }) / income({}), 1, 0.1)
  })
})

const DRAWS = 20_000

/** How often a ring has none, one, two and all of the seats. */
function partsOf(ringShare: number, names = RING): number[] {
  const streams = new Streams(1, 'adversary', 1)
  const shares = new Array<number>(names).fill(ringShare / names)
  const parts = [0, 0, 0, 0]
  for (let draw = 0; draw < DRAWS; draw++) {
    const seated = seatedOfRing(shares, 1 - ringShare, () => streams.uint32(0) / 2 ** 32)
    parts[seated.length]! += 1 / DRAWS
  }
  return parts
}

/** What seats paid the ring, or the others, without what is paid by stake. */
function paidTo(
  { validators, workers, feesWei, parts, scenario }: Economy,
  toRing: boolean,
): number {
  const [from, to] = toRing ? [0, RING] : [RING, validators.count]
  const active = Number(sum(validators.stakesWei) + sum(workers.stakesWei))
  const own = Number(sum(validators.stakesWei.slice(from, to)))
  const byStake = (Number((feesWei * parts.stakersWei) / scenario.feeWei) * own) / active
  return Number(sum(validators.incomeWei.slice(from, to))) - byStake
}

function checksOf({ validators }: Economy): number {
  return validators.worked.subarray(0, RING).reduce((total, checks) => total + checks, 0)
}

function near(value: number, wanted: number, by = 0.02): void {
  assert.ok(Math.abs(value - wanted) < by, `${value}, not ${wanted}`)
}
