/** What governance is deployed with. */
import { OPEN_WEI } from '../../protocol/open-amount.ts'
import { EPOCH_SECONDS, type ParameterValues } from '../../protocol/parameters.ts'

export interface GovernanceTerms {
  /** Seconds of an epoch; a decision counts from the epoch after the next. */
  readonly epochSeconds: number
  /** Between a proposal and its votes. */
  readonly votingDelaySeconds: number
  readonly votingPeriodSeconds: number
  /** Between the vote and the deed. */
  readonly timelockSeconds: number
  /** Votes that a proposer must have. */
  readonly thresholdWei: bigint
  /** Of all GOPEN, for and abstaining together. */
  readonly quorumPercent: number
  /** Votes that it takes in any case: while few have wrapped their coins, a part of them is next to nothing. */
  readonly leastQuorumWei: bigint
}

const HOUR_SECONDS = 3600
const DAY_SECONDS = 24 * HOUR_SECONDS

/**
 * For a real L2: OpenLedger's figures, and a ten-thousandth of a billion OPEN as the least that decides. Whoever
 * disagrees has a day to leave, and another before the change counts.
 */
export const LIVE_GOVERNANCE: GovernanceTerms = {
  epochSeconds: DAY_SECONDS,
  votingDelaySeconds: DAY_SECONDS,
  votingPeriodSeconds: 14 * DAY_SECONDS,
  timelockSeconds: DAY_SECONDS,
  thresholdWei: 100n * OPEN_WEI,
  quorumPercent: 25,
  leastQuorumWei: 100_000n * OPEN_WEI,
}

/**
 * Where a real L2 begins beside the table, which is for an embedded chain. A sequencer can keep a transaction out for 12
 * hours, so whoever must answer within a time is given twice that; jurors have two such waits, one after the other.
 */
export const LIVE_PARAMETERS: Partial<ParameterValues> = {
  windowSeconds: DAY_SECONDS,
  answerSeconds: DAY_SECONDS,
  commitSeconds: DAY_SECONDS,
  revealSeconds: DAY_SECONDS,
  // A day each to seal a vote and to open it, and one for either to be noticed.
  reviewSeconds: 4 * DAY_SECONDS,
  // Longer than a window and a jury after it: three days.
  exitDelaySeconds: 7 * DAY_SECONDS,
}

/** For an embedded chain, where a person looks on: from proposal to effect within a minute. */
export const EMBEDDED_GOVERNANCE: GovernanceTerms = {
  ...LIVE_GOVERNANCE,
  epochSeconds: EPOCH_SECONDS,
  votingDelaySeconds: 1,
  votingPeriodSeconds: 20,
  timelockSeconds: 2,
  leastQuorumWei: 0n,
}
