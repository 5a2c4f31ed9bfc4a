/**
 * What contributors to one datanet earn over a year, by the very rules of pay: signed totals against the noise floor of
 * decoys, the threshold moved as a base fee is, what nobody clears carried on. Scores are drawn: honest rows pull towards the
 * answers of their topic by `signal` deviations of noise, rows of junk do not.
 */
import { contributorsPaid, type Weighable } from '../../coordinator-free/payout.ts'
import type { Share } from '../../protocol/attribution.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import type { Address } from '../../protocol/fields.ts'
import { INITIAL_VALUES, type ParameterValues } from '../../protocol/parameters.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS, nextStrictness } from '../../protocol/threshold.ts'
import { requireBounds } from '../bounds.ts'
import { Streams } from '../kernel/streams.ts'

export interface DataScenario {
  readonly seed: number
  readonly contributors: number
  readonly settlements: number
  readonly answers: number
  readonly rows: number
  /** How far an honest row's score stands above noise, on an answer of its topic, in deviations. */
  readonly signal: number
  /** Share of answers that a contributor's topic has to do with. */
  readonly topic: number
  readonly feeWei: bigint
  /** What a year's honest data costs to make, as a share of what it earns at an equal part. */
  readonly dataCost: number
  /** Chance that somebody flags an attacker's contribution within the year, and validators agree. */
  readonly flagged: number
  /**
   * Chance that the door lets a near copy in. Of 900 texts with a tenth of their words replaced it let none in
   * (worker/datanet/near-duplicates.ts): at most one of 300, at 95 %.
   */
  readonly doorMiss: number
  /**
   * Share of the rows of a copy, in other words even, that the gradient index does not empty. Of 444 rows of 48 copies with
   * a fifth to a quarter of their words replaced by synonyms it emptied 420; what was left pulled hardly, or away from
   * answers, but is taken here to pull as the original does (worker/attribution/duplicate-rows.ts).
   */
  readonly rowMiss: number
  readonly governed: ParameterValues
}

type Bounded = Exclude<keyof DataScenario, 'rows' | 'feeWei' | 'governed'>

export const DATA_BOUNDS: Readonly<Record<Bounded, readonly [least: number, most: number]>> = {
  seed: [0, 2 ** 53 - 1],
  contributors: [2, 20_000],
  settlements: [1, 10_000],
  answers: [1, 256],
  signal: [0, 100],
  topic: [0, 1],
  dataCost: [0, 10],
  flagged: [0, 1],
  doorMiss: [0, 1],
  rowMiss: [0, 1],
}
export const DATA_WHOLE: readonly string[] = ['seed', 'contributors', 'settlements', 'answers']

/** The defaults with changes. Throws `RangeError` naming the first field that is out of bounds. */
export function dataScenario(change: Partial<DataScenario> = {}): DataScenario {
  const scenario = { ...DATA, ...change }
  requireBounds(scenario, DATA_BOUNDS, (name) => !DATA_WHOLE.includes(name))
  return scenario
}

export const DATA: DataScenario = {
  ...{ seed: 1, contributors: 50, settlements: 52, answers: 8, rows: 12 },
  ...{ signal: 1, topic: 0.1, feeWei: 10n ** 17n },
  ...{ dataCost: 0.5, flagged: 0.5, doorMiss: 0.0033, rowMiss: 0.054, governed: INITIAL_VALUES },
}

/** What the first contributor does. */
export const DATA_STRATEGIES = {
  honest: { what: 'Gives rows that answers of its topic are drawn to.', accounts: 1 },
  spamming: { what: 'Gives rows that have to do with nothing, at no cost.', accounts: 1 },
  'spamming under many names': {
    what: 'Lays the same junk in as many accounts as it has rows, each with a bond: each has a chance of its own to clear the floor of noise.',
    accounts: DATA.rows,
  },
  duplicating: {
    what: 'Gives a near copy of another’s text, at no cost. The door refuses it, unless it misses it, and most of its rows are empty; a refusal costs no bond, but one try a year is counted.',
    accounts: 1,
  },
  rewording: {
    what: 'Gives another’s text in other words, at no cost: the door takes it for new, and most of its rows are empty, for they say an earlier contribution again.',
    accounts: 1,
  },
} as const

export type DataStrategyName = keyof typeof DATA_STRATEGIES

/** How it stands after a settlement, all since the start. */
export interface Settlement {
  readonly earnedWei: bigint
  readonly paidWei: bigint
  readonly carriedWei: bigint
  /** The threshold, in thousandths of a deviation of noise. */
  readonly strictness: number
}

export interface DataYear {
  /** Wei: earned, lost of bonds, and spent on making data, by the first contributor under all its names. */
  readonly earnedWei: bigint
  readonly lostWei: bigint
  readonly spentWei: bigint
  readonly pooledWei: bigint
  readonly paidWei: bigint
  readonly carriedWei: bigint
  readonly strictness: number
  readonly settlements: readonly Settlement[]
  /** Wei that each of the others has earned. */
  readonly othersWei: readonly bigint[]
}

const GWEI = 10n ** 9n
const WHOLE_BPS = 10_000n
/** A deviation of one row's noise, in the integers of the index. */
const SIGMA = 1000
const DECOYS = 64

/** A copy is taken to be in: how seldom it comes so far is for who asks. */
export function dataYear(scenario: DataScenario, name: DataStrategyName): DataYear {
  const streams = new Streams(scenario.seed, 'world', scenario.contributors + DATA.rows)
  const fate = new Streams(scenario.seed, 'adversary', 1)
  const { accounts } = DATA_STRATEGIES[name]
  const { contributorsWei } = splitFee(scenario.feeWei, splitOf('inference', scenario.governed))
  const earned = new Map<Address, bigint>()
  let strictness = INITIAL_STRICTNESS_THOUSANDTHS
  let [carriedWei, earnedWei, paidWei] = [0n, 0n, 0n]
  const names = new Set(Array.from({ length: accounts }, (_, part) => account(part)))
  const settlements: Settlement[] = []
  for (let settlement = 0; settlement < scenario.settlements; settlement++) {
    const answers = Array.from({ length: scenario.answers }, (): Weighable => {
      const shares = sharesOf(scenario, streams, name)
      return { feeWei: scenario.feeWei, contributorsWei, attribution: noiseOf(shares) }
    })
    const { totalWei, paid } = contributorsPaid(answers, carriedWei, strictness)
    for (const [who, wei] of paid) {
      earned.set(who, (earned.get(who) ?? 0n) + wei)
      paidWei += wei
      if (names.has(who)) earnedWei += wei
    }
    carriedWei = paid.length > 0 ? 0n : totalWei
    const payees = scenario.answers * paid.length
    strictness = nextStrictness(strictness, payees, scenario.answers, scenario.governed)
    settlements.push({ earnedWei, paidWei, carriedWei, strictness })
  }
  const othersWei = Array.from({ length: scenario.contributors - 1 }, (_, other) => {
    return earned.get(account(DATA.rows + other + 1)) ?? 0n
  })
  const pooledWei = contributorsWei * BigInt(scenario.settlements * scenario.answers)
  const isFlagged = name !== 'honest' && fate.happens(0, scenario.flagged)
  const lostWei = isFlagged ? BigInt(accounts) * slashedBondWei(scenario.governed) : 0n
  const spentWei = name === 'honest' ? costWei(scenario, pooledWei) : 0n
  const sums = { earnedWei, lostWei, spentWei, pooledWei, paidWei, carriedWei, strictness }
  return { ...sums, settlements, othersWei }
}

/** What the first contributor has of its year in the mean, in wei: a near copy comes in only where the door misses it. */
export function dataProfitWei(
  { doorMiss }: DataScenario,
  name: DataStrategyName,
  { earnedWei, lostWei, spentWei }: DataYear,
): bigint {
  const profitWei = earnedWei - lostWei - spentWei
  return name === 'duplicating'
    ? (profitWei * BigInt(Math.round(1e6 * doorMiss))) / 1_000_000n
    : profitWei
}

function slashedBondWei({ contributionBondGwei, reviewSlashBps }: ParameterValues): bigint {
  return (BigInt(contributionBondGwei) * GWEI * BigInt(reviewSlashBps)) / WHOLE_BPS
}

function costWei({ contributors, dataCost }: DataScenario, pooledWei: bigint): bigint {
  return (pooledWei * BigInt(Math.round(dataCost * 1e6))) / 1_000_000n / BigInt(contributors)
}

/** Strategies whose rows say another's again. */
const REPEATING: readonly DataStrategyName[] = ['duplicating', 'rewording']

/** Strategies whose rows have to do with a topic. */
const PULLING: readonly DataStrategyName[] = ['honest', ...REPEATING]

/** Scores of all contributors for one answer. The attacker comes first, under one name or several. */
function sharesOf(scenario: DataScenario, streams: Streams, name: DataStrategyName): Share[] {
  const { contributors, rows, signal, topic } = scenario
  const shares: Share[] = []
  for (let who = 0; who < contributors; who++) {
    const isOn = streams.happens(who, topic)
    const full = who === 0 && REPEATING.includes(name) ? rows * scenario.rowMiss : rows
    const pull = isOn ? signal * SIGMA * full : 0
    const noise = gaussian(streams, who) * SIGMA * Math.sqrt(full)
    if (who > 0) shares.push(share(DATA.rows + who, rows, pull + noise))
    else if (PULLING.includes(name)) shares.push(share(0, rows, pull + noise))
    else if (name === 'spamming') shares.push(share(0, rows, noise))
  }
  if (name !== 'spamming under many names') return shares
  for (let part = 0; part < DATA.rows; part++) {
    shares.push(share(part, 1, gaussian(streams, contributors + part) * SIGMA))
  }
  return shares
}

function share(number: number, rows: number, score: number): Share {
  return { contributor: account(number), rows, parts: [Math.round(score), 0, 0, 0] }
}

function noiseOf(shares: Share[]): Weighable['attribution'] {
  return { shares, decoys: DECOYS, decoySquares: String(DECOYS * SIGMA * SIGMA) }
}

function account(number: number): Address {
  return `0x${number.toString(16).padStart(40, '0')}` as Address
}

/** About normal: the sum of twelve even draws, less six. */
function gaussian(streams: Streams, who: number): number {
  let sum = -6
  for (let draw = 0; draw < 12; draw++) sum += streams.uint32(who) / 2 ** 32
  return sum
}
