/** Depth E: what honesty and cheating earn at the shipped parameters, and how fast a year of a large network passes. */
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { DATA_STRATEGIES, type DataStrategyName } from '../../sim/economy/data-market.ts'
import { Economy } from '../../sim/economy/economy.ts'
import { gini, topShare } from '../../sim/economy/inequality.ts'
import { type Interval, surely } from '../../sim/economy/interval.ts'
import { populationOf } from '../../sim/economy/population.ts'
import { type EconomyScenario, economyScenario } from '../../sim/economy/scenario.ts'
import { HONEST, STRATEGIES, type Strategy } from '../../sim/economy/strategies.ts'
import { dataEarns, earns, payingShare, twoThirdsCost } from '../../sim/economy/study.ts'
import type { Figure } from '../figure.ts'
import { here, printed } from './process.ts'

const SIZES = [50, 300, 1000] as const
const seedsTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
const SEEDS = seedsTo(10)
/** What one contributor earns differs more from seed to seed. */
const MANY_SEEDS = seedsTo(40)
const FEW_SEEDS = seedsTo(4)
/** Strategies that find an opportunity, or are found out, less than once a year. */
const SELDOM: readonly string[] = ['grinding']
const SELDOM_SEEDS = seedsTo(200)
/** A strategy that surely pays shows above this, what the interval leaves open as 0. */
const BAR = { atMost: 0 }
const SHARES = [0.007, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
const WORK_COSTS = [0.6, 0.8, 0.9, 1, 1.05, 1.1, 1.2, 1.5, 2]

const ALL_SEATS = 'passing unseen where it has all seats'
const UNSEEN = ['passing unseen', 'passing unseen where it has most seats', ALL_SEATS] as const
/** As little as a node may stake: a slash takes a share of what those few have that had the seats. */
const LEAST = { ringNameOpen: INITIAL_VALUES.minimumStakeGwei / 1e9 }

/** One worker of the ring's does its share of all jobs, so it must be able to. */
const RING = { nodes: 300, capacity: 1000, jobsAWorker: 0.25 } as const

interface Year {
  readonly seconds: number
  readonly peakBytes: number
  readonly workers: number
  readonly validators: number
  readonly jobs: number
}

export async function* economy(say: (line: string) => void): AsyncIterable<Figure> {
  yield* speed()
  for (const nodes of SIZES) {
    say(`${nodes} nodes …`)
    for (const [name, strategy] of Object.entries(STRATEGIES)) yield profit(name, strategy, nodes)
    for (const name of Object.keys(DATA_STRATEGIES) as DataStrategyName[]) {
      if (name !== 'honest') yield* dataProfit(name, nodes)
    }
  }
  say('break-even …')
  yield* bribery()
  yield* breakEven()
  yield* attack()
  yield* incomes()
}

async function* speed(): AsyncIterable<Figure> {
  const year = await printed<Year>(process.execPath, here('economy-process.ts'), '{"nodes":125000}')
  const rate = (year.workers * 8760) / year.seconds / 1e6
  yield {
    name: `depth E: ${year.workers.toLocaleString('en')} workers × a year of hours`,
    ...{ value: year.seconds, unit: 'CPU s', bar: { atMost: 15 } },
    note: `${rate.toFixed(0)} M worker-hours/s; ${year.jobs} jobs drawn, ${year.validators} validators, ${(year.peakBytes / 2 ** 20).toFixed(0)} MiB`,
  }
}

function profit(name: string, strategy: Strategy, nodes: number): Figure {
  const seeds = SELDOM.includes(name) ? SELDOM_SEEDS : SEEDS
  const { gain, part, honest, honestSlashed, voided } = earns(strategy, { nodes }, seeds)
  const slashed =
    honestSlashed > 0
      ? `; honest nodes lose ${honestSlashed.toFixed(1)} OPEN, and ${voided.toFixed(0)} jobs`
      : ''
  return {
    name: `cheater’s profit, ${name}, ${nodes} nodes`,
    ...{ value: 100 * surely(part), unit: '% of honest profit', bar: BAR },
    note: `${shown(part, 100)} % (95 %, ${seeds.length} seeds); ${shown(gain)} OPEN a year beside ${honest.toFixed(1)} by honesty${slashed}`,
  }
}

function* dataProfit(name: DataStrategyName, contributors: number): Iterable<Figure> {
  const { gain, alone, honest } = dataEarns(name, { contributors }, MANY_SEEDS)
  const what = `cheater’s profit, ${name}, ${contributors} contributors`
  yield {
    name: what,
    ...{ value: 1000 * surely(gain), unit: 'mOPEN a year', bar: BAR },
    note: `${shown(gain, 1000)} mOPEN (95 %, ${MANY_SEEDS.length} seeds) beside honest data, which earns ${(1000 * honest).toFixed(1)}`,
  }
  yield {
    name: `${what}, beside giving nothing`,
    ...{ value: 1000 * surely(alone), unit: 'mOPEN a year', bar: BAR },
    note: `${shown(alone, 1000)} mOPEN`,
  }
}

type Asked = readonly [string, Strategy, (share: number) => Partial<EconomyScenario>]

/** From which share of the validators' stake on a ring earns more than honesty. */
function* bribery(): Iterable<Figure> {
  const asked: Asked[] = [
    ['colluding, juries called', STRATEGIES.colluding, () => ({})],
    ['colluding, juries never called', STRATEGIES.colluding, () => ({ challenged: 0 })],
    ['grinding', STRATEGIES.grinding, () => ({})],
    ['denouncing', STRATEGIES.denouncing, () => ({})],
    ...UNSEEN.map((name): Asked => [name, STRATEGIES[name], () => ({})]),
    [`${ALL_SEATS}, in names of the least stake`, STRATEGIES[ALL_SEATS], () => LEAST],
  ]
  for (const [name, strategy, changeAt] of asked) {
    const value = payingShare(
      strategy,
      (ringShare) => ({ ...RING, ringShare, ringWork: ringShare, ...changeAt(ringShare) }),
      FEW_SEEDS,
      SHARES,
    )
    yield {
      name: `share of the stake from which on it pays: ${name}, ${RING.nodes} nodes`,
      ...{ value: value ?? 1, unit: '', bar: { atLeast: 1 / 3 } },
      note: `of validators’ and workers’ alike; the least of ${SHARES.join(', ')}; 1 where at none`,
    }
  }
}

function* breakEven(): Iterable<Figure> {
  const lazy = (workCost: number): boolean =>
    earns(STRATEGIES.lazy, { nodes: 300, workCost }, FEW_SEEDS).gain.low > 0
  yield {
    name: 'work’s cost, by its pay, from which on laziness pays',
    ...{ value: WORK_COSTS.find(lazy) ?? Math.max(...WORK_COSTS), unit: '', bar: { atLeast: 1 } },
    note: `the least of ${WORK_COSTS.join(', ')}: at a loss no honest worker works either`,
  }
}

function* attack(): Iterable<Figure> {
  for (const nodes of SIZES) {
    const scenario = economyScenario({ nodes, epochs: 1 })
    const value = twoThirdsCost(new Economy(scenario, populationOf(scenario, 1, 3)))
    const note = 'stake to buy beside the honest one; it comes back unless somebody disputes'
    yield { name: `an attack on two thirds, ${nodes} nodes`, value, unit: 'OPEN', note }
  }
}

/** Whether those who have come to have more: nothing earned is staked anew here. */
function* incomes(): Iterable<Figure> {
  for (const nodes of SIZES) {
    const seen: string[] = []
    const scenario = economyScenario({ nodes })
    const economy = new Economy(scenario, populationOf(scenario, 1, 3))
    economy.run(HONEST, () => {
      const { incomeWei } = economy.workers
      seen.push(`${gini(incomeWei).toFixed(3)}/${(100 * topShare(incomeWei)).toFixed(2)} %`)
    })
    const { incomeWei, stakesWei } = economy.workers
    yield {
      name: `Gini of workers’ incomes after a year, ${nodes} nodes`,
      ...{ value: gini(incomeWei), unit: '' },
      note: `of stakes ${gini(stakesWei).toFixed(3)}; Gini/top-1 share by month: ${seen.join(', ')}`,
    }
  }
}

function shown({ mean, low, high }: Interval, by = 1): string {
  return `${(by * mean).toFixed(2)} [${(by * low).toFixed(2)}, ${(by * high).toFixed(2)}]`
}
