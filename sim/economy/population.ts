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

const OPEN_WEI = 10n ** 18n
/** The README's example stakes ten; people differ: 2, 4, 8, 16 or 32 OPEN. */
const LEAST_OPEN = 2n
const DOUBLINGS = 5
/** What the ring's worker has: the middle of these. */
const RING_WORKER_OPEN = 8n

export function populationOf(
  { nodes, validators }: EconomyScenario,
  ringWorkers: number,
  ringValidators: number,
): Population {
  const count = Math.max(4, Math.round(nodes * validators))
  return { ringWorkers, ringValidators, workers: nodes - count, validators: count }
}

/** Stakes in wei. Those of the honest depend on the seed and their number only. */
export function stakesOf(
  scenario: EconomyScenario,
  { ringWorkers, ringValidators, workers, validators }: Population,
): { readonly workers: bigint[]; readonly validators: bigint[] } {
  const streams = new Streams(scenario.seed, 'world', 2)
  const draw = (side: number): bigint =>
    (LEAST_OPEN << BigInt(streams.below(side, DOUBLINGS))) * OPEN_WEI
  const honestWorkers = Array.from({ length: workers - 1 }, () => draw(0))
  const honest = Array.from({ length: validators - 1 }, () => draw(1))
  const honestWei = honest.reduce((sum, wei) => sum + wei, 0n)
  const share = BigInt(Math.round(scenario.ringShare * 1e6))
  const ringWei = (honestWei * share) / (1_000_000n - share)
  return {
    workers: [...split(RING_WORKER_OPEN * OPEN_WEI, ringWorkers), ...honestWorkers],
    validators: [...split(ringWei, ringValidators), ...honest],
  }
}

function split(wei: bigint, nodes: number): bigint[] {
  return Array.from({ length: nodes }, () => wei / BigInt(nodes))
}
