/** What adversaries of a run earned and lost, beside what honest nodes in their places would have, from the same seed. */
import { headerHash } from '../../protocol/batch.ts'
import type { Address } from '../../protocol/fields.ts'
import { economyScenario } from '../economy/scenario.ts'
import type { SimNode } from '../node.ts'
import type { Scenario } from '../scenario.ts'
import { World } from '../world.ts'
import { type BadManner, MANNERS, type Manner, NO_ADVERSARIES } from './kinds.ts'

/** In wei. */
export interface Income {
  /** Fees, in final batches. */
  readonly earnedWei: bigint
  readonly slashedWei: bigint
  /** What the work done costs, at depth E's prices, and the gas. */
  readonly costWei: bigint
}

/** What the nodes of one manner came to. */
export interface Balance extends Income {
  readonly manner: BadManner
  readonly nodes: number
  /** How often the attack happened. */
  readonly strikes: number
  /** Of honest nodes in their places. */
  readonly honest: Income
}

/** Runs a scenario's honest twin and compares. @param world the scenario's own world, at its end */
export function balancesOf(world: World): Balance[] {
  const manners = MANNERS.filter((manner) => nodesOf(world, manner).length > 0)
  if (manners.length === 0) return []
  const twin = new World(honestTwin(world.scenario))
  twin.run()
  return manners.map((manner) => {
    const nodes = nodesOf(world, manner)
    const places = new Set(nodes.map(({ options }) => options.index))
    const isInPlace = ({ options: { index, manner: of } }: SimNode): boolean =>
      manner === 'sybil' ? of === 'sybil' : places.has(index)
    return {
      ...{ manner, nodes: nodes.length },
      strikes: nodes.reduce((sum, { strikes }) => sum + strikes, 0),
      ...incomeOf(world, nodes),
      honest: incomeOf(twin, twin.nodes.filter(isInPlace)),
    }
  })
}

/** What is left, in wei. */
export function profitWei({ earnedWei, slashedWei, costWei }: Income): bigint {
  return earnedWei - slashedWei - costWei
}

/** How often an honest node lost stake, for whatever reason. */
export function honestSlashes({ nodes, chain }: World): number {
  const honest = new Set(nodesOf({ nodes }, 'honest').map(({ address }) => address))
  return chain.slashes.filter(({ node, amountWei }) => amountWei > 0n && honest.has(node)).length
}

/** The same places, all honest; the stakes that sybils share lie in one node each. */
function honestTwin(scenario: Scenario): Scenario {
  const { sybilWorkers, sybilValidators } = scenario
  return {
    ...{ ...scenario, ...NO_ADVERSARIES },
    ...{ sybilWorkers: Math.min(1, sybilWorkers), sybilValidators: Math.min(1, sybilValidators) },
  }
}

function nodesOf({ nodes }: Pick<World, 'nodes'>, manner: Manner): SimNode[] {
  return nodes.filter(({ options }) => options.manner === manner)
}

/** What nodes of a run came to. */
export function incomeOf(world: World, nodes: readonly SimNode[]): Income {
  const { workCost, cheapCost, auditCost } = economyScenario()
  const paid = paidWei(world)
  const owners = new Set(nodes.map(({ address }) => world.chain.ownerOf(address)))
  const addresses = new Set(nodes.map(({ address }) => address))
  const costWei = nodes.reduce(
    (sum, { effort: { executed, cheap, checked } }) =>
      sum +
      partOf(executed, workCost) +
      partOf(cheap, workCost * cheapCost) +
      partOf(checked, workCost * auditCost),
    0n,
  )
  const { purses } = world.timeline
  const gasWei = nodes.reduce((sum, { address }) => sum + purses.spentWei(address), 0n)
  return {
    earnedWei: [...owners].reduce((sum, owner) => sum + (paid.get(owner) ?? 0n), 0n),
    slashedWei: world.chain.slashes
      .filter(({ node }) => addresses.has(node))
      .reduce((sum, { amountWei }) => sum + amountWei, 0n),
    costWei: costWei + gasWei,
  }
}

/** By account, as the newest final batch says; some node has its data, whoever has heard that it is final. */
function paidWei({ nodes, chain }: World): ReadonlyMap<Address, bigint> {
  const { finalised } = chain
  const header = chain.headerAt(finalised - 1)
  const hash = header && headerHash(header)
  const held = nodes.flatMap(({ core }) => core.ledger.batches.get(finalised) ?? [])
  const newest = held.find((batch) => batch.data && headerHash(batch.header) === hash)
  return new Map(
    newest?.data?.pages.flat().map(({ account, cumulativeWei }) => [account, cumulativeWei]),
  )
}

/** Costs are estimates: a millionth is fine enough. */
function partOf(wei: bigint, share: number): bigint {
  return (wei * BigInt(Math.round(share * 1e6))) / 1_000_000n
}
