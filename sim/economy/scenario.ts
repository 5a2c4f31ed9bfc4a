/** What depth E simulates: who stakes how much, what work pays and costs, and how well it is watched. */

import { INITIAL_VALUES, type ParameterValues } from '../../protocol/parameters.ts'
import { MAX_BATCH_RECEIPTS, SECOND_LOOKS } from '../../protocol/params.ts'
import { MAX_CHARGES } from '../../protocol/settlement.ts'
import { requireBounds } from '../bounds.ts'

export interface EconomyScenario {
  readonly seed: number
  /** Workers and validators together, with those of the ring that is looked at. */
  readonly nodes: number
  /** An epoch is an hour here: jobs come, are done and are settled in it. */
  readonly epochs: number
  /** Share of nodes that validate; the others work. */
  readonly validators: number
  /** The ring's share of the validators' stake. It is spread over several nodes, of owners that nobody can tell apart. */
  readonly ringShare: number
  /** What each of the ring's validators stakes, in OPEN: their number follows. 0 for as many as the strategy says. */
  readonly ringNameOpen: number
  /** The ring's share of the workers' stake, in one node; 0 for a worker of eight OPEN. */
  readonly ringWork: number
  /** Epochs between two denunciations. */
  readonly denouncedEpochs: number
  /** Jobs that come in an epoch, for each worker there is, on average. */
  readonly jobsAWorker: number
  /** From this epoch on there are so many times as many jobs. */
  readonly shockEpoch: number
  readonly shockDemand: number
  /** In this epoch the ring's nodes come to hold such a share of the workers' and of the validators' stake; never where it is 0. */
  readonly whaleEpoch: number
  readonly whaleShare: number
  /** Jobs that one worker can do in an epoch; of the rest it says that it is busy. */
  readonly capacity: number
  readonly feeWei: bigint
  /** What a job costs the worker, as a share of its part of the fee. */
  readonly workCost: number
  /** What a check costs, as a share of the work: an answer is read in one pass, however long it took to write. */
  readonly auditCost: number
  /** What false work costs, as a share of the work. */
  readonly cheapCost: number
  /** What a unit of gas costs, tip included, and a byte that the L2 posts to its L1. */
  readonly gasWei: number
  readonly byteWei: number
  /** Claims that a batch settles, and payers whose fees a batch collects that collects any. */
  readonly claimsABatch: number
  readonly payers: number
  /** Epochs from one time that a node sends for what it has earned to the next. */
  readonly payoutEpochs: number
  /**
   * Chance that no honest check tells a false claim. The engine's tests catch each kind of false answer that they try
   * (test/unit/effects/checks.test.ts); this allows one in a hundred that nobody thought of.
   */
  readonly miss: number
  /** Chance that an honest auditor who was outvoted calls a jury in time. */
  readonly challenged: number
  /** Share of claims by others that are false: what a validator that does not look is in danger of. */
  readonly falseClaims: number
  /** Auditors who join where those of a fine-tune disagree. */
  readonly secondLooks: number
  /** The chance that a strategy with a rate cheats at a job. */
  readonly cheatRate: number
  readonly governed: ParameterValues
}

const OPEN_WEI = 10n ** 18n

const DEFAULTS: EconomyScenario = {
  seed: 1,
  nodes: 300,
  epochs: 8760,
  validators: 0.2,
  ringShare: 0.1,
  ringNameOpen: 0,
  ringWork: 0,
  // Once a month: more often, and those who are left would soon endorse nothing.
  denouncedEpochs: 730,
  jobsAWorker: 1,
  shockEpoch: 0,
  shockDemand: 1,
  whaleEpoch: 0,
  whaleShare: 0.5,
  capacity: 20,
  // A hundred tokens at the 0.001 OPEN that a gateway bids unless told otherwise.
  feeWei: OPEN_WEI / 10n,
  workCost: 0.6,
  // DESIGN.md §7: 3 to 8 % at batch 1, 13 % at batch 16.
  auditCost: 0.1,
  cheapCost: 0.1,
  gasWei: 0,
  byteWei: 0,
  // With a job a worker in an hour, and three hundred nodes, another comes in a quarter of a minute, and a batch waits for four
  // seconds.
  claimsABatch: 1,
  payers: 1,
  // Once a month.
  payoutEpochs: 730,
  miss: 0.01,
  challenged: 1,
  falseClaims: 0.001,
  secondLooks: SECOND_LOOKS,
  cheatRate: 0.25,
  governed: INITIAL_VALUES,
}

type Bounded = Exclude<keyof EconomyScenario, 'feeWei' | 'governed'>

export const BOUNDS: Readonly<Record<Bounded, readonly [least: number, most: number]>> = {
  seed: [0, 2 ** 53 - 1],
  nodes: [20, 1_000_000],
  epochs: [1, 100_000],
  validators: [0.05, 0.9],
  ringShare: [0, 0.95],
  ringNameOpen: [0, 1000],
  ringWork: [0, 0.95],
  denouncedEpochs: [1, 100_000],
  jobsAWorker: [0, 50],
  shockEpoch: [0, 100_000],
  shockDemand: [0, 10],
  whaleEpoch: [0, 100_000],
  whaleShare: [0.01, 0.95],
  capacity: [1, 1000],
  workCost: [0, 10],
  auditCost: [0, 10],
  cheapCost: [0, 1],
  gasWei: [0, 1e15],
  byteWei: [0, 1e15],
  claimsABatch: [1, MAX_BATCH_RECEIPTS],
  payers: [1, MAX_CHARGES],
  payoutEpochs: [1, 100_000],
  miss: [0, 1],
  challenged: [0, 1],
  falseClaims: [0, 1],
  secondLooks: [0, 20],
  cheatRate: [0, 1],
}
export const WHOLE: readonly string[] = [
  ...[
    'seed',
    'nodes',
    'epochs',
    'denouncedEpochs',
    'shockEpoch',
    'whaleEpoch',
    'capacity',
    'gasWei',
    'byteWei',
    'claimsABatch',
    'payers',
    'payoutEpochs',
    'secondLooks',
  ],
]

/** The defaults with changes. Throws `RangeError` naming the first field that is out of bounds. */
export function economyScenario(change: Partial<EconomyScenario> = {}): EconomyScenario {
  const scenario = { ...DEFAULTS, ...change }
  requireBounds(scenario, BOUNDS, (name) => !WHOLE.includes(name))
  if (scenario.feeWei <= 0n) {
    throw new RangeError(`feeWei is ${scenario.feeWei}; a job must pay something`)
  }
  const { ringNameOpen, governed } = scenario
  const leastOpen = governed.minimumStakeGwei / 1e9
  if (ringNameOpen !== 0 && ringNameOpen < leastOpen) {
    throw new RangeError(`ringNameOpen is ${ringNameOpen}; give 0, or at least ${leastOpen}`)
  }
  return scenario
}
