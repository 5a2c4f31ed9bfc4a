/** Questions to depth E: what a strategy earns beside honesty, from which share of stake on bribes pay, what an attack costs. */
import {
  DATA,
  type DataScenario,
  type DataStrategyName,
  dataProfitWei,
  dataYear,
} from './data-market.ts'
import { Economy } from './economy.ts'
import { type Interval, intervalOf } from './interval.ts'
import { populationOf } from './population.ts'
import { type EconomyScenario, economyScenario } from './scenario.ts'
import { HONEST, type Strategy } from './strategies.ts'

export interface Earned {
  /** Beyond what the same nodes earn by honesty, in OPEN over the run, and as a share of the honest profit. */
  readonly gain: Interval
  readonly part: Interval
  /** Honest profit in OPEN, on average. */
  readonly honest: number
  /** What honest nodes lost by slashes, in OPEN, on average. */
  readonly honestSlashed: number
  /** Jobs of others whose work was lost with a false batch, on average. */
  readonly voided: number
}

export interface DataEarned extends Omit<Earned, 'honestSlashed' | 'voided'> {
  /** Beyond giving nothing at all, in OPEN. */
  readonly alone: Interval
}

/**
 * A run of the scenario in which the ring does what the strategy says, or is honest with the nodes it then has.
 * @param settled is told after each settlement
 */
export function played(
  scenario: EconomyScenario,
  strategy: Strategy,
  isHonest = false,
  settled: (economy: Economy) => void = () => {},
): Economy {
  const [workers, validators] = isHonest ? strategy.honestNodes : strategy.nodes
  const economy = new Economy(scenario, populationOf(scenario, workers, validators))
  return economy.run(isHonest ? HONEST : strategy, () => settled(economy))
}

/** Runs each seed twice, with the strategy and without: both meet the same jobs as long as they can. */
export function earns(
  strategy: Strategy,
  change: Partial<EconomyScenario>,
  seeds: readonly number[],
): Earned {
  const pairs = seeds.map((seed) => {
    const scenario = economyScenario({ ...change, seed })
    const honest = profitOf(played(scenario, strategy, true), strategy)
    const run = played(scenario, strategy)
    return {
      honest,
      gain: profitOf(run, strategy) - honest,
      slashed: slashedOf(run),
      voided: run.counts.voided,
    }
  })
  return {
    gain: intervalOf(pairs.map(({ gain }) => gain)),
    part: intervalOf(pairs.map(({ gain, honest }) => gain / Math.abs(honest))),
    honest: mean(pairs.map(({ honest }) => honest)),
    honestSlashed: mean(pairs.map(({ slashed }) => slashed)),
    voided: mean(pairs.map(({ voided }) => voided)),
  }
}

/** Of the ring's members that act, in OPEN. */
export function profitOf(economy: Economy, { actors }: Strategy): number {
  const { ringWorkers, ringValidators } = economy.population
  let wei = 0n
  if (actors !== 'validators') {
    for (let i = 0; i < ringWorkers; i++) wei += economy.profitWei('workers', i)
  }
  if (actors !== 'worker') {
    for (let i = 0; i < ringValidators; i++) wei += economy.profitWei('validators', i)
  }
  return inOpen(wei)
}

/** What honest nodes lost by slashes, in OPEN. */
export function slashedOf({ workers, validators, population }: Economy): number {
  return openOf([
    ...workers.slashedWei.slice(population.ringWorkers),
    ...validators.slashedWei.slice(population.ringValidators),
  ])
}

/** What the ring's nodes did. */
export function ringSlashedOf({ workers, validators, population }: Economy): number {
  return openOf([
    ...workers.slashedWei.slice(0, population.ringWorkers),
    ...validators.slashedWei.slice(0, population.ringValidators),
  ])
}

/**
 * Share of the ring's false claims that nobody was paid for in the end: rejected by auditors, or taken back after a jury. NaN
 * where it made none.
 */
export function detectedShareOf({ workers, counts }: Economy): number {
  const claims = workers.cheap.reduce((sum, cheap) => sum + cheap, 0)
  return claims === 0 ? Number.NaN : 1 - counts.falsePaid / claims
}

/** The same of a contributor. */
export function dataEarns(
  name: DataStrategyName,
  change: Partial<DataScenario>,
  seeds: readonly number[],
): DataEarned {
  const pairs = seeds.map((seed) => {
    const scenario = { ...DATA, ...change, seed }
    const profit = (strategy: DataStrategyName): number =>
      inOpen(dataProfitWei(scenario, strategy, dataYear(scenario, strategy)))
    const honest = profit('honest')
    const alone = profit(name)
    return { honest, alone, gain: alone - honest }
  })
  const honest = mean(pairs.map((pair) => pair.honest))
  return {
    gain: intervalOf(pairs.map(({ gain }) => gain)),
    part: intervalOf(pairs.map(({ gain }) => gain / Math.abs(honest))),
    alone: intervalOf(pairs.map(({ alone }) => alone)),
    honest,
  }
}

/** The least of these shares, ascending, of the validators' stake at which the strategy surely pays; undefined at none. */
export function payingShare(
  strategy: Strategy,
  changeAt: (share: number) => Partial<EconomyScenario>,
  seeds: readonly number[],
  shares: readonly number[],
): number | undefined {
  return shares.find((share) => earns(strategy, changeAt(share), seeds).gain.low > 0)
}

/** What two thirds of the stake cost whoever has to buy it beside the honest stake, in OPEN: twice what they have. */
export function twoThirdsCost(economy: Economy): number {
  const { population, validators } = economy
  return 2 * openOf(validators.stakesWei.slice(population.ringValidators))
}

function openOf(weis: readonly bigint[]): number {
  return inOpen(weis.reduce((sum, wei) => sum + wei, 0n))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Wei in OPEN, for people. */
export function inOpen(wei: bigint): number {
  return Number(wei / 1_000_000_000n) / 1e9
}
