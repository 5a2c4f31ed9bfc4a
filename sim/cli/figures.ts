/** The figures of a run by name: what it is, its unit, and how it is written. */
import { ADVERSARY_KEYS, MANNERS } from '../adversaries/kinds.ts'
import type { Depth } from './keys.ts'

export interface FigureKind {
  readonly title: string
  readonly unit: string
}

const GOSSIP: Readonly<Record<string, FigureKind>> = {
  reach: { title: 'Reach', unit: 'share' },
  worstReach: { title: 'Reach of the worst message', unit: 'share' },
  lastReach: { title: 'Reach of the last messages', unit: 'share' },
  p10Ms: { title: 'A tenth have it', unit: 'ms' },
  p50Ms: { title: 'Half have it', unit: 'ms' },
  p90Ms: { title: '90 % have it', unit: 'ms' },
  p99Ms: { title: '99 % have it', unit: 'ms' },
  duplicates: { title: 'Copies beyond the first', unit: 'a delivery' },
  uploadBytesPerSecond: { title: 'Upload a node, mean', unit: 'B/s' },
  uploadP99BytesPerSecond: { title: 'Upload of the busiest 1 %', unit: 'B/s' },
  meshDegree: { title: 'Mesh', unit: 'members' },
  targetsHear: { title: 'The targets hear', unit: 'share' },
  targetsHeard: { title: 'The targets are heard by', unit: 'share' },
  caughtUp: { title: 'Caught up after coming back', unit: 'deliveries' },
  lost: { title: 'Sent to somebody who was gone or cut off', unit: 'messages' },
  ihave: { title: 'IHAVE', unit: 'messages' },
  iwant: { title: 'IWANT', unit: 'messages' },
  graft: { title: 'GRAFT', unit: 'messages' },
  prune: { title: 'PRUNE', unit: 'messages' },
  resent: { title: 'Sent again after a loss', unit: 'messages' },
  silenced: { title: 'Kept back by silent nodes', unit: 'messages' },
  attacks: { title: 'Kept back or promised in vain by an attacker', unit: 'messages' },
}

/** Counted by depth P as things happen, beside whatever else it comes to count. */
export const COUNTERS = [
  'crashes',
  'partitions',
  'outages',
  'forged',
  'verdicts',
  'demands',
  'lateStarts',
  'disksLost',
  'reorgs',
  'refusals',
  'malformed',
  'too-large',
  'unknown-job',
  'lost',
  'doubled',
  'hushed',
  'cut',
  'skewed',
  'chainFailed',
  'spikes',
  'bursts',
  'fullBlocks',
  'risenFees',
  'crowdedOut',
  'pressed',
  'dear',
  'felt',
  'inVain',
  'penniless',
  'pricedOut',
  'raised',
  'emptied',
  'givenUp',
] as const

const PROTOCOL: Readonly<Record<string, FigureKind>> = {
  settledShare: { title: 'Jobs settled', unit: 'share' },
  finalShare: { title: 'Ended with all settled and paid', unit: 'share of runs' },
  halfSettledSeconds: { title: 'Half of the jobs settled after', unit: 's' },
  allSettledSeconds: { title: 'All jobs settled after', unit: 's' },
  virtualSeconds: { title: 'All final after', unit: 's' },
  workerGini: { title: 'Gini of workers’ pay', unit: '' },
  topShare: { title: 'Part of the worker with the most', unit: 'share' },
  adversaryEarned: { title: 'Adversaries were paid', unit: 'gwei' },
  adversarySlashed: { title: 'Adversaries were slashed', unit: 'gwei' },
  adversaryCost: { title: 'Their work and gas cost', unit: 'gwei' },
  honestEarned: { title: 'Honest nodes in their places are paid', unit: 'gwei' },
  honestCost: { title: 'Honest work and gas in their places cost', unit: 'gwei' },
  adversaryGain: { title: 'Adversaries’ profit beyond honest profit', unit: 'gwei' },
  honestSlashed: { title: 'Honest nodes slashed', unit: 'times' },
  gasSpent: { title: 'All gas', unit: 'gwei' },
  gasPerJob: { title: 'Gas a settled job', unit: 'gwei' },
  gasShareOfFees: { title: 'All gas', unit: 'of all fees' },
  gasShareOfPay: { title: 'Validators’ gas', unit: 'of their pay' },
  dataShareOfGas: { title: 'Paid for data on the L1', unit: 'of all gas' },
  gasInVain: { title: 'Gas of transactions that came too late', unit: 'of all gas' },
  lossPosts: { title: 'Posts dearer than what validators are paid in the batch', unit: 'share' },
  worstPost: { title: 'The dearest post', unit: 'times what validators are paid in the batch' },
  worstNet: { title: 'Pay less gas of the validator with the least', unit: 'gwei' },
  worstGas: { title: 'Gas of the validator with the most', unit: 'gwei' },
  highestBaseFee: { title: 'The most that a block asked for a unit of gas', unit: 'gwei' },
  longestWaitSeconds: { title: 'The longest wait for a block', unit: 's' },
  falseFinal: { title: 'Final batches with a lie', unit: 'batches' },
  unmasked: { title: 'Juries that found answers passed unseen', unit: 'cases' },
  ...Object.fromEntries(COUNTERS.map((name) => [name, { title: name, unit: 'times' }])),
  ...Object.fromEntries(
    [...MANNERS, ...ADVERSARY_KEYS].map((name) => [
      name,
      { title: `${name}, attacks`, unit: 'times' },
    ]),
  ),
}

const ECONOMY: Readonly<Record<string, FigureKind>> = {
  adversaryProfit: { title: 'The ring’s profit', unit: 'OPEN' },
  honestProfit: { title: 'Its profit by honesty', unit: 'OPEN' },
  gain: { title: 'Profit beyond honesty', unit: 'OPEN' },
  gainShare: { title: 'Profit beyond honesty', unit: 'of the honest profit' },
  honestLost: { title: 'Honest nodes lost by slashes', unit: 'OPEN' },
  ringSlashed: { title: 'The ring lost by slashes', unit: 'OPEN' },
  detectedShare: { title: 'False claims of the ring’s that nobody was paid for', unit: 'share' },
  voided: { title: 'Jobs lost with false batches', unit: 'jobs' },
  falsePaid: { title: 'False claims paid', unit: 'claims' },
  undoneShare: { title: 'Jobs that nobody had room for', unit: 'share' },
  workerGini: { title: 'Gini of workers’ incomes', unit: '' },
  topShare: { title: 'Part of the worker with the most', unit: 'share' },
  workerProfit: { title: 'Profit of an honest worker, mean', unit: 'OPEN' },
  validatorProfit: { title: 'Profit of an honest validator, mean', unit: 'OPEN' },
  workerGas: { title: 'Gas and data of an honest worker, mean', unit: 'OPEN a year' },
  validatorGas: { title: 'Gas and data of an honest validator, mean', unit: 'OPEN a year' },
  validatorGasShare: { title: 'Honest validators’ gas and data', unit: 'of their income' },
  batchGas: { title: 'Gas and data of all batches', unit: 'OPEN a year' },
  payoutGas: { title: 'Gas and data of all who send for their money', unit: 'OPEN a year' },
  disputeGas: { title: 'Gas and data of all disputes', unit: 'OPEN a year' },
  breakEvenGas: { title: 'Gas at which honest validators have nothing left', unit: 'gwei' },
  attackCost: { title: 'Stake for two thirds', unit: 'OPEN' },
  shocks: { title: 'Shocks of demand', unit: 'times' },
  whales: { title: 'Whales that entered', unit: 'times' },
  whalePart: { title: 'Part of all pay that is the whale’s', unit: 'share' },
  whaleEdge: { title: 'The whale’s profit for a staked OPEN', unit: 'times the others’' },
  othersKept: { title: 'Profit that is left to the others', unit: 'of that before' },
}

const TRANSFER: Readonly<Record<string, FigureKind>> = {
  doneShare: { title: 'Have the file in the end', unit: 'share' },
  inTimeShare: { title: 'Have it before a worker’s turn would be lost', unit: 'share' },
  p50Seconds: { title: 'Half have it', unit: 's' },
  p90Seconds: { title: '90 % have it', unit: 's' },
  p99Seconds: { title: '99 % have it', unit: 's' },
  worstSeconds: { title: 'The last has it', unit: 's' },
  spanSeconds: { title: 'From the first that wants it to the last that has it', unit: 's' },
  idealSeconds: { title: 'The least that this can take', unit: 's' },
  efficiency: { title: 'Least over taken', unit: 'share' },
  holdersMiB: { title: 'Given by holders', unit: 'MiB' },
  othersMiB: { title: 'Given by others', unit: 'MiB' },
  holdersShare: { title: 'Given by holders', unit: 'share' },
  wastedShare: { title: 'Came for nothing', unit: 'bytes a byte of use' },
  stragglers: { title: 'Stragglers', unit: 'nodes' },
  left: { title: 'Left with half of it', unit: 'nodes' },
  wrongBlocks: { title: 'Wrong blocks', unit: 'blocks' },
  copies: { title: 'Blocks that came twice', unit: 'blocks' },
  givenUp: { title: 'Asked again elsewhere', unit: 'times' },
  virtualSeconds: { title: 'All over after', unit: 's' },
}

const ROUTING: Readonly<Record<string, FigureKind>> = {
  foundShare: { title: 'Have the content', unit: 'share' },
  namedShare: { title: 'The DHT named somebody who has it', unit: 'share' },
  p50Seconds: { title: 'Half have it', unit: 's' },
  p90Seconds: { title: '90 % have it', unit: 's' },
  byNeighbours: { title: 'Had it of a neighbour, by bitswap', unit: 'share' },
  byProviders: { title: 'Had it of whom the DHT named', unit: 'share' },
  byAsking: { title: 'Had it of a neighbour that was asked straight', unit: 'share' },
  byAround: { title: 'Had it of somebody else who was asked straight', unit: 'share' },
  honestTold: { title: 'Honest nodes that a holder told', unit: 'nodes' },
  metShare: { title: 'Newcomers that met somebody honest', unit: 'share' },
  meshShare: { title: 'Newcomers in the honest mesh', unit: 'share' },
  neighbours: { title: 'Neighbours of a newcomer', unit: 'nodes' },
  honestShare: { title: 'Honest ones among its neighbours', unit: 'share' },
  asked: { title: 'Questions of lookups', unit: 'a fetch' },
  swallowed: { title: 'Records that attackers took in', unit: 'records' },
  attacks: { title: 'Answered or taken in by attackers', unit: 'times' },
  virtualSeconds: { title: 'All over after', unit: 's' },
}

const DATA: Readonly<Record<string, FigureKind>> = {
  adversaryProfit: { title: 'The contributor’s profit', unit: 'mOPEN' },
  honestProfit: { title: 'Its profit by honest data', unit: 'mOPEN' },
  gain: { title: 'Profit beyond honesty', unit: 'mOPEN' },
  bondsLost: { title: 'Bonds lost', unit: 'mOPEN' },
  names: { title: 'Names that it goes by', unit: 'accounts' },
  paidShare: { title: 'Paid of what came in for contributors', unit: 'share' },
  adversaryShare: { title: 'Of that its own', unit: 'share' },
  othersKept: { title: 'What the others earn', unit: 'of what they earn beside honest data' },
  strictness: { title: 'Threshold in the end', unit: 'deviations of noise' },
  contributorGini: { title: 'Gini of the others’ incomes', unit: '' },
}

const KINDS: Readonly<Record<Depth, Readonly<Record<string, FigureKind>>>> = {
  gossip: GOSSIP,
  protocol: PROTOCOL,
  economy: ECONOMY,
  transfer: TRANSFER,
  routing: ROUTING,
  data: DATA,
}

export function figuresOf(depth: Depth): string[] {
  return Object.keys(KINDS[depth])
}

export function kindOf(depth: Depth, figure: string): FigureKind {
  return KINDS[depth][figure] ?? { title: figure, unit: 'times' }
}

/** Four digits that count, no more than a reader can use. */
export function written(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0 || Number.isInteger(value)) return value.toLocaleString('en')
  const size = Math.floor(Math.log10(Math.abs(value)))
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(6, Math.max(0, 3 - size)) })
}
