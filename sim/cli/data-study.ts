/** One run of depth D: a contributor's year beside the year of the same contributor when it gives honest data. */
import {
  DATA_STRATEGIES,
  type DataStrategyName,
  type DataYear,
  dataProfitWei,
  dataYear,
} from '../economy/data-market.ts'
import { gini } from '../economy/inequality.ts'
import { inOpen } from '../economy/study.ts'
import { RunHash } from '../kernel/run-hash.ts'
import { dataOf } from './arms.ts'
import { asked, type OnProgress, type Order, type Outcome, type Table } from './outcome.ts'
import { payTable } from './spread-tables.ts'

const YEAR_SECONDS = 365 * 86_400
/** A deviation of noise, in the threshold's thousandths. */
const DEVIATION = 1000

export function runData(order: Order, onProgress: OnProgress): Outcome {
  const scenario = dataOf(order.settings, order.seed)
  const name = strategyOf(order.settings.adversaries['strategy'])
  const honest = dataYear(scenario, 'honest')
  onProgress(YEAR_SECONDS / 2)
  const own = name === 'honest' ? honest : dataYear(scenario, name)
  const [adversaryProfit, honestProfit] = [
    thousandths(dataProfitWei(scenario, name, own)),
    thousandths(dataProfitWei(scenario, 'honest', honest)),
  ]
  return {
    arm: order.arm,
    seed: order.seed,
    hash: hashOf(honest, own),
    figures: {
      ...{ adversaryProfit, honestProfit, gain: adversaryProfit - honestProfit },
      ...{ bondsLost: thousandths(own.lostWei), names: DATA_STRATEGIES[name].accounts },
      paidShare: shareOf(own.paidWei, own.pooledWei),
      adversaryShare: shareOf(own.earnedWei, own.pooledWei),
      othersKept: shareOf(sum(own.othersWei), sum(honest.othersWei)),
      strictness: own.strictness / DEVIATION,
      contributorGini: gini(own.othersWei),
    },
    tables: asked(order, {
      seconds: () => settlementsTable(own, honest),
      pay: () => payTable(own.othersWei),
    }),
    virtualSeconds: YEAR_SECONDS,
  }
}

/** All since the start; the year has as many settlements as it may, at equal distances. */
function settlementsTable({ settlements }: DataYear, honest: DataYear): Table {
  return {
    columns: ['atSeconds', 'earned', 'honestEarned', 'carried', 'strictness'],
    rows: settlements.map(({ earnedWei, carriedWei, strictness }, index) => [
      (YEAR_SECONDS * (index + 1)) / settlements.length,
      thousandths(earnedWei),
      thousandths(honest.settlements[index]!.earnedWei),
      thousandths(carriedWei),
      strictness / DEVIATION,
    ]),
  }
}

function strategyOf(name: unknown): DataStrategyName {
  return typeof name === 'string' && name in DATA_STRATEGIES ? (name as DataStrategyName) : 'honest'
}

/** Of an OPEN. */
function thousandths(wei: bigint): number {
  return 1000 * inOpen(wei)
}

function shareOf(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((1_000_000n * part) / whole) / 1e6
}

function sum(weis: readonly bigint[]): bigint {
  return weis.reduce((all, wei) => all + wei, 0n)
}

function hashOf(...years: readonly DataYear[]): string {
  const hash = new RunHash()
  for (const { othersWei, earnedWei, lostWei } of years) {
    for (const [who, wei] of [earnedWei, lostWei, ...othersWei].entries()) {
      const low = (part: bigint) => Number(BigInt.asUintN(32, part))
      hash.absorb(0, who, low(wei), low(wei >> 32n))
    }
  }
  return hash.digest
}
