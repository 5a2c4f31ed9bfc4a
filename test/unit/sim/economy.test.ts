import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import { AUDITORS } from '../../../protocol/params.ts'
import { DATA, DATA_STRATEGIES, dataScenario, dataYear } from '../../../sim/economy/data-market.ts'
import type { Economy } from '../../../sim/economy/economy.ts'
import { gini, lorenz, topShare } from '../../../sim/economy/inequality.ts'
import { intervalOf, surely } from '../../../sim/economy/interval.ts'
import { loadOf } from '../../../sim/economy/load.ts'
import { economyScenario } from '../../../sim/economy/scenario.ts'
import { atLeastOf, chanceInTries, ringSeats, seatChances } from '../../../sim/economy/seats.ts'
import { HONEST, STRATEGIES, type Strategy } from '../../../sim/economy/strategies.ts'
import {
  dataEarns,
  detectedShareOf,
  earns,
  payingShare,
  played,
  ringSlashedOf,
  slashedOf,
} from '../../../sim/economy/study.ts'

const SEEDS = [1, 2, 3, 4]
/** A quarter of a year. */
const SHORT = { nodes: 50, epochs: 2190 }

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, wei) => total + wei, 0n)

const run = (strategy: Strategy, change = {}): Economy =>
  played(economyScenario({ ...SHORT, ...change }), strategy)

describe('the economy', () => {
  it('keeps every wei, whatever is played', () => {
    for (const [name, strategy] of Object.entries(STRATEGIES)) {
      const { workers, validators, feesWei, elsewhere } = run(strategy, { ringShare: 0.3 })
      const sides = [workers, validators]
      const before = feesWei + sum(sides.flatMap(({ startedWei }) => startedWei))
      const held = sides.flatMap(({ incomeWei, stakesWei }) => [...incomeWei, ...stakesWei])
      assert.equal(sum(held) + sum(Object.values(elsewhere)), before, name)
      assert.ok(feesWei > 0n)
    }
  })

  it('pays for each job once, or not at all where its batch was taken back', () => {
    const { counts } = run(STRATEGIES.colluding, { ringShare: 0.4 })
    assert.ok(counts.voided > 0 && counts.rejected > 0 && counts.falsePaid > 0)
    assert.ok(counts.paid <= counts.jobs - counts.voided)
    const honest = run(HONEST)
    assert.equal(honest.counts.paid, honest.counts.jobs)
    assert.equal(honest.feesWei, BigInt(honest.counts.paid) * honest.scenario.feeWei)
  })

  it('is the same from the same seed, and another from another', () => {
    const told = (seed: number) => {
      const { workers, validators, elsewhere } = run(STRATEGIES.colluding, { seed })
      return [workers.incomeWei, validators.incomeWei, validators.stakesWei, elsewhere]
    }
    assert.deepEqual(told(3), told(3))
    assert.notDeepEqual(told(3), told(4))
  })

  it('never slashes the honest among the honest, and pays all of them', () => {
    for (const seed of SEEDS) {
      const { workers, validators, elsewhere } = run(HONEST, { seed })
      assert.equal(sum([...workers.slashedWei, ...validators.slashedWei]), 0n)
      assert.equal(elsewhere.burnedWei, 0n)
      assert.ok(workers.incomeWei.every((wei) => wei > 0n))
    }
  })

  it('slashes honest voters for none of what workers do alone', () => {
    for (const name of [
      'lazy',
      'skimping',
      'copying',
      'good, then cheating',
      'griefing',
    ] as const) {
      assert.equal(earns(STRATEGIES[name], SHORT, SEEDS).honestSlashed, 0, name)
    }
  })

  it('gives work as stake is held', () => {
    const { workers } = run(HONEST)
    const all = Number(sum(workers.incomeWei))
    const staked = Number(sum(workers.stakesWei))
    const jobs = workers.worked.reduce((total, done) => total + done, 0)
    let chiSquare = 0
    for (const [worker, stakeWei] of workers.stakesWei.entries()) {
      const expected = (jobs * Number(stakeWei)) / staked
      chiSquare += (workers.worked[worker]! - expected) ** 2 / expected
      const earned = Number(workers.incomeWei[worker]!) / all
      assert.ok(Math.abs(earned / (Number(stakeWei) / staked) - 1) < 0.25)
    }
    // 39 degrees of freedom: 12 and 80 lie beyond one in ten thousand.
    assert.ok(chiSquare > 12 && chiSquare < 80, `${chiSquare}`)
  })

  it('gives neither jobs nor seats to those who have lost their stake', () => {
    const SLASHED_EPOCH = 800
    const done: number[][] = []
    // After a settlement, for then what follows from stakes has been worked out once.
    const strategy: Strategy = {
      ...HONEST,
      everyEpoch({ epoch, tribunal, workers, validators }) {
        if (epoch !== SLASHED_EPOCH) return
        for (const side of [workers, validators]) {
          tribunal.slash(side, 0, 10_000, 1)
          done.push([side.worked[0]! + side.paid[0]!, side.worked[1]! + side.paid[1]!])
        }
      },
    }
    const { workers, validators } = run(strategy)
    for (const [at, { worked, stakesWei }] of [workers, validators].entries()) {
      const [slashed, other] = done[at]!
      assert.equal(stakesWei[0], 0n)
      assert.ok(slashed! > 0 && worked[0] === slashed, `${worked[0]} and not ${slashed}`)
      assert.ok(worked[1]! > other!)
    }
  })

  it('hands what is too much for one to others, and says what nobody could do', () => {
    const { counts } = run(HONEST, { capacity: 1, jobsAWorker: 3, epochs: 100 })
    assert.ok(counts.undone > 0)
    assert.equal(counts.paid + counts.undone, counts.jobs)
    assert.ok(counts.paid <= 100 * 40)
  })

  it('refuses scenarios that cannot be, by the name of the field', () => {
    assert.throws(() => economyScenario({ nodes: 0 }), /nodes is 0; give a whole number from 20/)
    assert.throws(() => economyScenario({ miss: 1.5 }), /miss is 1.5; give a number from 0 to 1/)
    assert.throws(() => economyScenario({ workCost: Number.NaN }), /workCost is NaN/)
    assert.throws(() => economyScenario({ feeWei: 0n }), /feeWei is 0/)
    assert.throws(
      () => run(HONEST, { ringShare: 0.001 }),
      /a node would stake \d+ wei, and the least/,
    )
    assert.throws(() => intervalOf([1]), /1 values give no interval/)
  })
})

describe('what strategies earn', () => {
  it('is less than honesty where checks see what is false', () => {
    for (const name of ['lazy', 'good, then cheating', 'griefing', 'equivocating'] as const) {
      assert.ok(earns(STRATEGIES[name], SHORT, SEEDS).part.high < 0, name)
    }
  })

  it('is less than honesty for who leaves out a little of its fine-tunes, since others look at what failed', () => {
    const skimping = { ...SHORT, cheatRate: 1, cheapCost: 0.9 }
    assert.ok(earns(STRATEGIES.skimping, skimping, SEEDS).part.high < 0)
    assert.ok(earns(STRATEGIES.skimping, { ...skimping, secondLooks: 0 }, SEEDS).part.low > 0)
  })

  it('comes with false claims of which all are found where checks see them, and none where they see none', () => {
    const detected = (miss: number) => detectedShareOf(run(STRATEGIES.lazy, { miss }))
    assert.equal(detected(0), 1)
    assert.equal(detected(1), 0)
    assert.ok(detected(0.5) > 0.3 && detected(0.5) < 0.7, `${detected(0.5)}`)
    assert.ok(Number.isNaN(detectedShareOf(run(STRATEGIES.griefing))))
  })

  it('counts as slashed what honest nodes lose and what the ring does', () => {
    const economy = run(STRATEGIES.colluding, { ringShare: 0.3 })
    const { workers, validators } = economy
    const all = Number(sum([...workers.slashedWei, ...validators.slashedWei])) / 1e18
    const [ring, honest] = [ringSlashedOf(economy), slashedOf(economy)]
    assert.ok(ring > honest && Math.abs(ring + honest - all) < 1e-6)
  })

  it('is more than honesty where nothing is checked', () => {
    assert.ok(earns(STRATEGIES.lazy, { ...SHORT, miss: 1 }, SEEDS).part.low > 0)
  })

  it('follows the slash: validators that equivocate lose what governance takes, and nothing where it takes nothing', () => {
    const with_ = (equivocationSlashBps: number) => ({
      ...SHORT,
      governed: { ...INITIAL_VALUES, equivocationSlashBps },
    })
    const [none, some, more] = [0, 10, 1000].map(
      (bps) => earns(STRATEGIES.equivocating, with_(bps), SEEDS).gain.mean,
    )
    assert.equal(none, 0)
    assert.ok(some! < 0 && more! < some!)
  })

  it('turns colluding profitable where juries are never called, at a share at which they deter it', () => {
    const change = { ...SHORT, ringShare: 0.5, epochs: 1460 }
    const deterred = earns(STRATEGIES.colluding, change, SEEDS)
    const slashless = { ...INITIAL_VALUES, endorserSlashBps: 0, batchBondGwei: 0 }
    const free = earns(
      STRATEGIES.colluding,
      { ...change, challenged: 0, governed: slashless },
      SEEDS,
    )
    assert.ok(
      free.part.mean > deterred.part.mean + 0.05,
      `${free.part.mean} and ${deterred.part.mean}`,
    )
  })

  it('follows the slash from the first day: two thirds that withhold data pay for it', () => {
    const { validators } = run(STRATEGIES.withholding, { ringShare: 0.7, epochs: 1 })
    assert.ok(validators.slashedWei.slice(0, 3).every((wei) => wei > 0n))
  })

  it('is told the more closely the more seeds are asked', () => {
    const width = (count: number): number => {
      const seeds = Array.from({ length: count }, (_, index) => index)
      const { part } = earns(STRATEGIES.lazy, { ...SHORT, epochs: 300 }, seeds)
      return part.high - part.low
    }
    assert.ok(width(24) < width(4) / 1.5)
    assert.equal(surely({ low: -1, mean: 1, high: 3 }), 0)
    assert.equal(surely({ low: 1, mean: 2, high: 3 }), 1)
    assert.equal(surely({ low: -3, mean: -2, high: -1 }), -1)
  })

  it('pays a ring from some share on, and not below', () => {
    const changeAt = (ringShare: number) => ({ ...SHORT, challenged: 0, epochs: 730, ringShare })
    assert.equal(payingShare(STRATEGIES.colluding, changeAt, SEEDS, [0.1, 0.95]), 0.95)
    assert.equal(payingShare(STRATEGIES.lazy, changeAt, SEEDS, [0.1]), undefined)
  })
})

describe('a jury', () => {
  it('seats neither the accused nor who accuses them', () => {
    const { tribunal } = run(STRATEGIES.colluding, { ringShare: 0.95, epochs: 1 })
    for (let tried = 0; tried < 100; tried++) {
      const heard = { passedBy: [0, 1], failedBy: [], isAccepted: true }
      assert.equal(tribunal.tries(heard, 2, 'pass'), 'upheld')
    }
  })
})

describe('chances of seats', () => {
  it('are those of the wheel', () => {
    const { tribunal, validators } = run(HONEST, { nodes: 100, ringShare: 0.3, epochs: 1 })
    const draws = 20_000
    const seated = new Float64Array(validators.count)
    for (let draw = 0; draw < draws; draw++) for (const one of tribunal.seats()) seated[one]! += 1
    const chances = seatChances(validators.shares)
    assert.ok(Math.abs(chances.reduce((total, chance) => total + chance, 0) - AUDITORS) < 1e-9)
    // Four standard deviations of so many draws are at most 0.0142.
    for (const [one, chance] of chances.entries())
      assert.ok(Math.abs(seated[one]! / draws - chance) < 0.0142, `${one}`)
  })

  it('of a ring add up, and are those of drawing', () => {
    const chances = ringSeats(0.3, 3)
    assert.ok(Math.abs(chances.reduce((total, chance) => total + chance, 0) - 1) < 1e-12)
    assert.ok(Math.abs(chances[3]! - 0.3 * (0.2 / 0.9) * (0.1 / 0.8)) < 1e-12)
    assert.equal(ringSeats(0.3, 2)[3], 0)
    const economy = run(HONEST, { nodes: 1000, ringShare: 0.3, epochs: 1 })
    let all = 0
    for (let i = 0; i < 20_000; i++)
      if (economy.tribunal.seats().every((seat) => seat < 3)) all += 1
    assert.ok(Math.abs(all / 20_000 - chances[3]!) < 0.0026, `${all}`)
  })

  it('of juries and of tries are binomial', () => {
    assert.ok(Math.abs(atLeastOf(7, 5, 0.5) - 29 / 128) < 1e-12)
    assert.ok(Math.abs(chanceInTries(0.1, 5) - (1 - 0.9 ** 5)) < 1e-12)
  })
})

describe('the market for data', () => {
  it('pays out what comes in, but for what is carried on', () => {
    for (const name of Object.keys(DATA_STRATEGIES) as (keyof typeof DATA_STRATEGIES)[]) {
      const year = dataYear(DATA, name)
      const { pooledWei, paidWei, carriedWei, earnedWei, settlements, othersWei } = year
      assert.equal(paidWei + carriedWei, pooledWei, name)
      assert.equal(earnedWei + sum(othersWei), paidWei, name)
      assert.equal(settlements.length, DATA.settlements)
      const { strictness, ...last } = settlements.at(-1)!
      assert.deepEqual(last, { earnedWei, paidWei, carriedWei })
      assert.equal(strictness, year.strictness)
    }
    assert.deepEqual(dataYear(DATA, 'spamming'), dataYear(DATA, 'spamming'))
  })

  it('refuses a scenario out of its bounds, by name', () => {
    assert.throws(() => dataScenario({ topic: 2 }), /topic is 2; give a number from 0 to 1/)
    assert.throws(() => dataScenario({ answers: 0 }), /answers is 0; give a whole number from 1/)
    assert.deepEqual(dataScenario(), DATA)
  })

  it('pays junk and copies less than honest data', () => {
    for (const name of ['spamming', 'duplicating'] as const) {
      const { gain } = dataEarns(name, { contributors: 20 }, [1, 2, 3, 4, 5, 6, 7, 8])
      assert.ok(gain.high < 0, `${name}: at most ${gain.high}`)
    }
    const open = dataEarns('duplicating', { doorMiss: 1, rowMiss: 1, flagged: 0 }, SEEDS)
    assert.ok(open.gain.low > 0)
    const emptied = dataEarns('duplicating', { doorMiss: 1, flagged: 0 }, SEEDS)
    assert.ok(emptied.gain.mean < 0)
  })

  it('pays a rewording as it pays honest data, were its rows not emptied; a flag takes its bond only', () => {
    const { alone } = dataEarns('rewording', {}, SEEDS)
    assert.ok(alone.mean < 0)
    const asNew = dataEarns('rewording', { rowMiss: 1 }, SEEDS)
    assert.ok(asNew.alone.low > 0)
    const watched = dataEarns('rewording', { rowMiss: 1, flagged: 1 }, SEEDS)
    assert.ok(watched.alone.mean < asNew.alone.mean)
  })
})

describe('inequality', () => {
  it('is none where all have the same, and all but one part in n where one has all', () => {
    assert.equal(gini([5n, 5n, 5n, 5n]), 0)
    assert.equal(gini([0n, 0n, 0n, 8n]), 0.75)
    assert.equal(gini([0n, 0n]), 0)
    assert.equal(topShare([1n, 3n]), 0.75)
    assert.equal(topShare([0n]), 0)
  })

  it('is drawn as a Lorenz curve: the diagonal where all have the same, nothing up to the end where one has all', () => {
    const hundredths = Array.from({ length: 101 }, (_, step) => step / 100)
    for (const same of [[5n, 5n, 5n], [0n, 0n], []]) {
      for (const [step, share] of lorenz(same).entries()) {
        assert.ok(Math.abs(share - hundredths[step]!) < 1e-12, `${step}: ${share}`)
      }
    }
    const oneOfAHundred = Array.from({ length: 100 }, (_, place) => (place === 40 ? 7n : 0n))
    assert.deepEqual(lorenz(oneOfAHundred), [...new Array(100).fill(0), 1])
    // Half of the way between the first and the second of two.
    assert.equal(lorenz([3n, 1n])[75], 0.25 + 0.75 / 2)
  })

  it('leaves the area between that curve and the diagonal that the Gini coefficient says', () => {
    const incomes = Array.from({ length: 50 }, (_, place) => BigInt(place ** 3 + 10))
    const curve = lorenz(incomes)
    const below = curve
      .slice(1)
      .reduce((area, share, step) => area + (curve[step]! + share) / 200, 0)
    assert.ok(Math.abs(1 - 2 * below - gini(incomes)) < 1e-5)
  })
})

describe('load', () => {
  it('is told by groups of workers of like stakes, beside what an equal share would be', () => {
    assert.deepEqual(loadOf([3, 1], [30, 10]), [
      [0.5, 0.5],
      [1.5, 1.5],
    ])
    const stakes = Array.from({ length: 250 }, (_, worker) => 2 ** (worker % 5))
    const rows = loadOf(
      stakes,
      stakes.map((open) => open ** 2),
    )
    assert.equal(rows.length, 100)
    assert.ok(rows.every(([stake], place) => place === 0 || stake! >= rows[place - 1]![0]!))
    assert.ok(rows[0]![1]! < rows[0]![0]! && rows[99]![1]! > rows[99]![0]!)
    assert.deepEqual(loadOf([0, 0], [0, 0]), [
      [0, 0],
      [0, 0],
    ])
    assert.deepEqual(loadOf([], []), [])
  })

  it('is as the stake where all are honest', () => {
    const { workers } = run(HONEST)
    for (const [stake, load] of loadOf([...workers.shares], [...workers.worked])) {
      assert.ok(Math.abs(load! / stake! - 1) < 0.25, `${load} at ${stake}`)
    }
  })
})

describe('a whale', () => {
  const entered = (change = {}): Economy =>
    run(HONEST, { seed: 3, whaleEpoch: 1000, whaleShare: 0.5, capacity: 1000, ...change })

  it('comes to hold its share of either side, and everybody else keeps what was theirs', () => {
    const { workers, validators, population } = entered()
    for (const [members, ring] of [
      [workers, population.ringWorkers],
      [validators, population.ringValidators],
    ] as const) {
      const others = sum(members.stakesWei.slice(ring))
      const short = others - sum(members.stakesWei.slice(0, ring))
      assert.ok(short >= 0n && short < 10n, `${short} wei`)
      assert.equal(others, sum(members.startedWei.slice(ring)))
    }
  })

  it('earns by its stake, and leaves others that much less', () => {
    const { part, edge, othersKept } = entered().entry!
    for (const [figure, wanted] of [
      [part, 0.5],
      [edge, 1],
    ] as const) {
      assert.ok(Math.abs(figure - wanted) < 0.02 * wanted, `${figure} and not ${wanted}`)
    }
    assert.ok(othersKept > 0.45 && othersKept < 0.56, `${othersKept}`)
  })

  it('earns no more than its machine has room for', () => {
    const { edge, othersKept } = entered({ capacity: 10 }).entry!
    assert.ok(edge < 0.9 && othersKept > 0.5)
  })

  it('never comes where no epoch is named, or the run is over before', () => {
    assert.equal(entered({ whaleEpoch: 0 }).entry, undefined)
    assert.equal(entered({ whaleEpoch: SHORT.epochs }).entry, undefined)
  })
})
