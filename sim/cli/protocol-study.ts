/** One run of depth P, the production core: jobs and counters second by second. */

import {
  balancesOf,
  honestSlashes,
  type Income,
  incomeOf,
  profitWei,
} from '../adversaries/earnings.ts'
import { ADVERSARY_KEYS, MANNERS } from '../adversaries/kinds.ts'
import { gini, topShare } from '../economy/inequality.ts'
import { loadOf } from '../economy/load.ts'
import { firingOf } from '../firing.ts'
import { gasFigures } from '../gas-figures.ts'
import type { SimNode } from '../node.ts'
import { World } from '../world.ts'
import { protocolOf } from './arms.ts'
import { COUNTERS } from './figures.ts'
import { asked, type OnProgress, type Order, type Outcome, type Table } from './outcome.ts'
import { LOAD_COLUMNS, payTable } from './spread-tables.ts'

const SECOND_MS = 1000

/** @returns what came of it; a broken invariant is thrown, as the checkers throw it */
export function runProtocol(order: Order, onProgress: OnProgress): Outcome {
  const world = new World(protocolOf(order.settings, order.seed))
  const rows: number[][] = []
  const columns = ['atSeconds', 'settled', ...COUNTERS]
  const note = (atSeconds: number) => {
    const { counted } = world
    rows.push([atSeconds, world.checkers.ended, ...COUNTERS.map((name) => counted[name] ?? 0)])
  }
  const look = (second: number) => {
    note(second)
    onProgress(second)
    world.clock.after(SECOND_MS, () => look(second + 1))
  }
  look(0)
  const report = world.run()
  note(report.virtualMs / SECOND_MS)
  const { jobs, settled, final, counters, strikes, hash } = report
  const after = (share: number) => {
    const row = rows.find((candidate) => candidate[1]! >= Math.ceil(share * jobs))
    return row?.[0] ?? report.virtualMs / SECOND_MS
  }
  return {
    arm: order.arm,
    seed: order.seed,
    hash,
    figures: {
      settledShare: settled / jobs,
      finalShare: final ? 1 : 0,
      halfSettledSeconds: after(0.5),
      allSettledSeconds: after(1),
      virtualSeconds: report.virtualMs / SECOND_MS,
      ...Object.fromEntries([...COUNTERS, ...MANNERS].map((name) => [name, counters[name] ?? 0])),
      ...Object.fromEntries(ADVERSARY_KEYS.map((key) => [key, strikes[key]])),
      ...adversaryFigures(world),
      ...fairness(world),
      ...gasFigures(world),
    },
    tables: asked(order, {
      seconds: () => ({ columns, rows }),
      pay: () => payTable(paysOf(world)),
      load: () => loadTable(world),
    }),
    virtualSeconds: report.virtualMs / SECOND_MS,
    firing: firingOf(world.scenario, report),
  }
}

const GWEI = 1_000_000_000n

/** What all adversaries together came to, in gwei; where there is none, nothing. */
function adversaryFigures(world: World): Record<string, number> {
  const balances = balancesOf(world)
  const sum = (of: (income: Income) => bigint, whose: 'bad' | 'honest') =>
    Number(
      balances.reduce(
        (total, balance) => total + of(whose === 'bad' ? balance : balance.honest),
        0n,
      ) / GWEI,
    )
  return {
    adversaryEarned: sum(({ earnedWei }) => earnedWei, 'bad'),
    adversarySlashed: sum(({ slashedWei }) => slashedWei, 'bad'),
    adversaryCost: sum(({ costWei }) => costWei, 'bad'),
    honestEarned: sum(({ earnedWei }) => earnedWei, 'honest'),
    honestCost: sum(({ costWei }) => costWei, 'honest'),
    adversaryGain: sum(profitWei, 'bad') - sum(profitWei, 'honest'),
    honestSlashed: honestSlashes(world),
    falseFinal: world.checkers.falseFinal,
    unmasked: world.chain.court.counters.unmasked,
  }
}

/** How evenly pay falls to workers. */
function fairness(world: World): Record<string, number> {
  const paidWei = paysOf(world)
  return { workerGini: gini(paidWei), topShare: topShare(paidWei) }
}

/** What each owner of workers was paid, in wei: several nodes of one are paid into one account. */
function paysOf(world: World): bigint[] {
  const nodes = new Map(workersOf(world).map((node) => [world.chain.ownerOf(node.address), node]))
  return [...nodes.values()].map((node) => incomeOf(world, [node]).earnedWei)
}

/** None where all stake the same: only a stake that lies in several nodes is small. */
function loadTable(world: World): Table | undefined {
  const { sybilWorkers } = world.scenario
  if (sybilWorkers < 2) return undefined
  const workers = workersOf(world)
  const receipts = world.checkers.data.flatMap((batch) => batch.receipts)
  const rows = loadOf(
    workers.map(({ options }) => (options.manner === 'sybil' ? 1 / sybilWorkers : 1)),
    workers.map(({ address }) => receipts.filter(({ worker }) => worker === address).length),
  )
  return { columns: LOAD_COLUMNS, rows }
}

function workersOf({ nodes }: World): SimNode[] {
  return nodes.filter(({ options }) => options.role === 'worker')
}
