/** Who takes part, and with how much. */
import { Streams } from '../kernel/streams.ts'
import type { EconomyScenario } from './scenario.ts'

/** The ring's stake may lie in one node or in several, each by role. The ring comes first. */
export interface Population {
  readonly ringWorkers: number
  readonly ringValidators: number
  /** Workers there would be if the ring had one: jobs come by their number. */
  readonly workers: number
  readonly validators: number
}

interface Stakes {
  readonly workers: bigint[]
  readonly validators: bigint[]
}

const OPEN_WEI = 10n ** 18n
const GWEI = 10n ** 9n
/** The README's example stakes ten; people differ: 2, 4, 8, 16 or 32 OPEN. */
const LEAST_OPEN = 2n
const DOUBLINGS = 5
/** What the ring's worker has: the middle of these. */
const RING_WORKER_OPEN = 8n

/** @param ringValidators as long as the scenario does not say what each of them stakes */
export function populationOf(
  scenario: EconomyScenario,
  ringWorkers: number,
  ringValidators: number,
): Population {
  const { nodes, ringShare, ringNameOpen } = scenario
  const validators = Math.max(4, Math.round(nodes * scenario.validators))
  const workers = nodes - validators
  if (ringNameOpen === 0) return { ringWorkers, ringValidators, workers, validators }
  const ringWei = beside(honestStakes(scenario, { workers, validators }).validators, ringShare)
  const names = Number(ringWei / (BigInt(Math.round(ringNameOpen * 1e9)) * GWEI))
  return { ringWorkers, ringValidators: Math.max(1, names), workers, validators }
}

/** Stakes in wei. */
export function stakesOf(scenario: EconomyScenario, population: Population): Stakes {
  const { ringWorkers, ringValidators } = population
  const { ringShare, ringWork } = scenario
  const honest = honestStakes(scenario, population)
  const workWei = ringWork > 0 ? beside(honest.workers, ringWork) : RING_WORKER_OPEN * OPEN_WEI
  const stakes = {
    workers: [...split(workWei, ringWorkers), ...honest.workers],
    validators: [
      ...split(beside(honest.validators, ringShare), ringValidators),
      ...honest.validators,
    ],
  }
  requireLeast(scenario, [...stakes.workers, ...stakes.validators])
  return stakes
}

/** They depend on the seed and their number only. */
function honestStakes(
  { seed }: EconomyScenario,
  { workers, validators }: Pick<Population, 'workers' | 'validators'>,
): Stakes {
  const streams = new Streams(seed, 'world', 2)
  const draw = (side: number): bigint =>
    (LEAST_OPEN << BigInt(streams.below(side, DOUBLINGS))) * OPEN_WEI
  return {
    workers: Array.from({ length: workers - 1 }, () => draw(0)),
    validators: Array.from({ length: validators - 1 }, () => draw(1)),
  }
}

/** What is such a share of the whole, the others having these. */
export function beside(othersWei: readonly bigint[], share: number): bigint {
  const millionths = BigInt(Math.round(share * 1e6))
  const sumWei = othersWei.reduce((sum, wei) => sum + wei, 0n)
  return (sumWei * millionths) / (1_000_000n - millionths)
}

function requireLeast({ governed, ringShare, nodes }: EconomyScenario, stakesWei: bigint[]): void {
  const leastWei = BigInt(governed.minimumStakeGwei) * GWEI
  const poor = stakesWei.find((wei) => wei < leastWei)
  if (poor === undefined) return
  throw new RangeError(
    `a node would stake ${poor} wei, and the least is ${leastWei}: give a ringShare above ${ringShare}, or more nodes than ${nodes}`,
  )
}

function split(wei: bigint, nodes: number): bigint[] {
  return Array.from({ length: nodes }, () => wei / BigInt(nodes))
}
