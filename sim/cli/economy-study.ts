/** One run of depth E: a ring's year beside the year of the same nodes when they are honest. */
import type { Economy } from '../economy/economy.ts'
import { gini, topShare } from '../economy/inequality.ts'
import { HONEST, STRATEGIES, type Strategy } from '../economy/strategies.ts'
import { inOpen, played, profitOf, slashedOf, twoThirdsCost } from '../economy/study.ts'
import { RunHash } from '../kernel/run-hash.ts'
import { economyOf } from './arms.ts'
import type { OnProgress, Order, Outcome } from './outcome.ts'

const EPOCH_SECONDS = 3600

export function runEconomy(order: Order, onProgress: OnProgress): Outcome {
  const scenario = economyOf(order.settings, order.seed)
  const strategy = strategyOf(order.settings.adversaries['strategy'])
  const virtualSeconds = scenario.epochs * EPOCH_SECONDS
  const honest = played(scenario, strategy, true)
  onProgress(virtualSeconds / 2)
  const run = strategy === HONEST ? honest : played(scenario, strategy)
  const [adversaryProfit, honestProfit] = [profitOf(run, strategy), profitOf(honest, strategy)]
  const gain = adversaryProfit - honestProfit
  return {
    arm: order.arm,
    seed: order.seed,
    hash: hashOf(run, honest),
    figures: {
      ...{ adversaryProfit, honestProfit, gain, gainShare: gain / Math.abs(honestProfit) },
      ...{ honestLost: slashedOf(run), voided: run.counts.voided, falsePaid: run.counts.falsePaid },
      ...incomesOf(run),
      undoneShare: run.counts.undone / Math.max(1, run.counts.jobs),
      attackCost: twoThirdsCost(run),
      ...{ whales: Number(run.entry !== undefined), whalePart: run.entry?.part ?? 0 },
      ...{ whaleEdge: run.entry?.edge ?? 0, othersKept: run.entry?.othersKept ?? 1 },
      shocks: Number(scenario.shockEpoch > 0 && scenario.shockEpoch < scenario.epochs),
    },
    tables: {},
    virtualSeconds,
  }
}

function strategyOf(name: unknown): Strategy {
  return STRATEGIES[name as keyof typeof STRATEGIES] ?? HONEST
}

/** Of workers that are not the ring's. */
function incomesOf(run: Economy): Record<string, number> {
  const { workers, population } = run
  const places = [...workers.incomeWei.keys()].slice(population.ringWorkers)
  const incomesWei = places.map((worker) => workers.incomeWei[worker]!)
  const profitWei = places.reduce((sum, worker) => sum + run.profitWei('workers', worker), 0n)
  return {
    workerGini: gini(incomesWei),
    topShare: topShare(incomesWei),
    workerProfit: inOpen(profitWei) / Math.max(1, places.length),
  }
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
