/** What governance is deployed with. */
import { EPOCH_SECONDS } from '../../protocol/parameters.ts'

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

const DAY_SECONDS = 86_400
const OPEN = 10n ** 18n

/**
 * For a real L2: OpenLedger's figures, and a ten-thousandth of a billion OPEN as the least that decides. Whoever
 * disagrees has a day to leave, and another before the change counts.
 */
export const LIVE_GOVERNANCE: GovernanceTerms = {
  epochSeconds: DAY_SECONDS,
  votingDelaySeconds: DAY_SECONDS,
  votingPeriodSeconds: 14 * DAY_SECONDS,
  timelockSeconds: DAY_SECONDS,
  thresholdWei: 100n * OPEN,
  quorumPercent: 25,
  leastQuorumWei: 100_000n * OPEN,
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
