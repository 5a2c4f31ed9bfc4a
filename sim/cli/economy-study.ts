/** One run of depth E: a ring's year beside the year of the same nodes when they are honest. */
import type { Economy } from '../economy/economy.ts'
import { gini, topShare } from '../economy/inequality.ts'
import { loadOf } from '../economy/load.ts'
import type { EconomyScenario } from '../economy/scenario.ts'
import { HONEST, type Strategy } from '../economy/strategies.ts'
import {
  detectedShareOf,
  inOpen,
  played,
  profitOf,
  ringSlashedOf,
  slashedOf,
  twoThirdsCost,
} from '../economy/study.ts'
import { RunHash } from '../kernel/run-hash.ts'
import { economyOf, strategyOf } from './arms.ts'
import { asked, type OnProgress, type Order, type Outcome, type Table } from './outcome.ts'
import { LOAD_COLUMNS, payTable } from './spread-tables.ts'

const EPOCH_SECONDS = 3600
const EPOCHS_A_YEAR = 8760
const GWEI = 1e9

export function runEconomy(order: Order, onProgress: OnProgress): Outcome {
  const scenario = economyOf(order.settings, order.seed)
  const strategy = strategyOf(order.settings)
  const virtualSeconds = scenario.epochs * EPOCH_SECONDS
  const twin = watched(scenario, strategy, true)
  onProgress(virtualSeconds / 2)
  const own = strategy === HONEST ? twin : watched(scenario, strategy)
  const [run, honest] = [own.economy, twin.economy]
  const [adversaryProfit, honestProfit] = [profitOf(run, strategy), profitOf(honest, strategy)]
  const gain = adversaryProfit - honestProfit
  return {
    arm: order.arm,
    seed: order.seed,
    hash: hashOf(run, honest),
    figures: {
      ...{ adversaryProfit, honestProfit, gain, gainShare: gain / Math.abs(honestProfit) },
      ...{ honestLost: slashedOf(run), ringSlashed: ringSlashedOf(run) },
      ...{ voided: run.counts.voided, falsePaid: run.counts.falsePaid },
      detectedShare: detectedShareOf(run),
      ...incomesOf(run),
      ...gasOf(run),
      undoneShare: run.counts.undone / Math.max(1, run.counts.jobs),
      attackCost: twoThirdsCost(run),
      ...{ whales: Number(run.entry !== undefined), whalePart: run.entry?.part ?? 0 },
      ...{ whaleEdge: run.entry?.edge ?? 0, othersKept: run.entry?.othersKept ?? 1 },
      shocks: Number(scenario.shockEpoch > 0 && scenario.shockEpoch < scenario.epochs),
    },
    tables: asked(order, {
      seconds: () => monthsTable(own.months, twin.months),
      pay: () => payTable(honestIncomesWei(run)),
      load: () => ({
        columns: LOAD_COLUMNS,
        rows: loadOf([...own.stakeShares], [...run.workers.worked]),
      }),
    }),
    virtualSeconds,
  }
}

/** How it stands at the end of a month, everything since the start, in OPEN. */
interface Month {
  readonly atSeconds: number
  readonly profit: number
  readonly ringSlashed: number
  readonly honestSlashed: number
}

interface Watched {
  readonly economy: Economy
  readonly months: readonly Month[]
  /** Each worker's share of their stake, summed over the months: the whole may grow. */
  readonly stakeShares: Float64Array
}

/** A run that is looked at after each settlement. */
function watched(scenario: EconomyScenario, strategy: Strategy, isHonest = false): Watched {
  const months: Month[] = [{ atSeconds: 0, profit: 0, ringSlashed: 0, honestSlashed: 0 }]
  let stakeShares = new Float64Array()
  const look = (economy: Economy): void => {
    months.push({
      atSeconds: economy.epoch * EPOCH_SECONDS,
      profit: profitOf(economy, strategy),
      ringSlashed: ringSlashedOf(economy),
      honestSlashed: slashedOf(economy),
    })
    const { workers } = economy
    const allOpen = workers.total()
    stakeShares = workers.shares.map((open, one) => open / allOpen + (stakeShares[one] ?? 0))
  }
  const economy = played(scenario, strategy, isHonest, look)
  return { economy, months, stakeShares }
}

/** The ring's months, with what its nodes had earned by then in the year in which they are honest. */
function monthsTable(months: readonly Month[], honest: readonly Month[]): Table {
  return {
    columns: ['atSeconds', 'ringSlashed', 'honestSlashed', 'ringProfit', 'honestProfit'],
    rows: months.map(({ atSeconds, profit, ringSlashed, honestSlashed }, month) => [
      ...[atSeconds, ringSlashed, honestSlashed, profit, honest[month]!.profit],
    ]),
  }
}

function honestIncomesWei({ workers, population }: Economy): bigint[] {
  return workers.incomeWei.slice(population.ringWorkers)
}

/** Of workers that are not the ring's. */
function incomesOf(run: Economy): Record<string, number> {
  const incomesWei = honestIncomesWei(run)
  const profitWei = honestSum(run, 'workers', (worker) => run.profitWei('workers', worker))
  return {
    workerGini: gini(incomesWei),
    topShare: topShare(incomesWei),
    workerProfit: inOpen(profitWei) / Math.max(1, incomesWei.length),
  }
}

/** What transactions come to for nodes that are not the ring's. */
function gasOf(run: Economy): Record<string, number> {
  const { scenario, population, workers, validators } = run
  const gasWei = (side: Side) => honestSum(run, side, (member) => run.gasWei(side, member))
  const profitWei = honestSum(run, 'validators', (member) => run.profitWei('validators', member))
  const incomeWei = honestSum(run, 'validators', (member) => validators.incomeWei[member]!)
  const units = validators.gas.subarray(population.ringValidators).reduce((sum, gas) => sum + gas)
  const working = Math.max(1, workers.count - population.ringWorkers)
  const checking = validators.count - population.ringValidators
  const years = scenario.epochs / EPOCHS_A_YEAR
  const { taken } = run.transactions
  const cost = (used: { readonly gas: number; readonly bytes: number }): number =>
    (used.gas * scenario.gasWei + used.bytes * scenario.byteWei) / GWEI / GWEI / years
  return {
    validatorProfit: inOpen(profitWei) / checking,
    workerGas: inOpen(gasWei('workers')) / working / years,
    validatorGas: inOpen(gasWei('validators')) / checking / years,
    batchGas: cost(taken.batches),
    payoutGas: cost(taken.payouts),
    disputeGas: cost(taken.disputes),
    validatorGasShare: Number(gasWei('validators')) / Number(incomeWei),
    breakEvenGas: (scenario.gasWei + Number(profitWei) / units) / GWEI,
  }
}

type Side = 'workers' | 'validators'

function honestSum(run: Economy, side: Side, weiOf: (member: number) => bigint): bigint {
  const { ringWorkers, ringValidators } = run.population
  const ring = side === 'workers' ? ringWorkers : ringValidators
  const members = [...run[side].stakesWei.keys()].slice(ring)
  return members.reduce((sum, member) => sum + weiOf(member), 0n)
}

/** Over what everybody has at the end. */
function hashOf(...runs: readonly Economy[]): string {
  const hash = new RunHash()
  for (const { workers, validators, epoch } of runs) {
    for (const side of [workers, validators]) {
      for (const [member, wei] of side.incomeWei.entries()) {
        const low = (part: bigint) => Number(BigInt.asUintN(32, part))
        hash.absorb(epoch, member, low(wei), low(wei >> 32n) ^ low(side.slashedWei[member]!))
      }
    }
  }
  return hash.digest
}
