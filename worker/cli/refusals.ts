/** What to do when a contract refuses: its errors say what is wrong, and here is what would be right. */

import { formatOpen } from '../../protocol/open-amount.ts'
import { PARAMETER_NAMES } from '../../protocol/parameters.ts'
import type { ChainClient } from '../chain/client.ts'
import { ChainError, type Revert } from '../chain/errors.ts'
import { isPassing } from '../chain/wait.ts'
import { WorldError } from '../errors.ts'
import { ClientError } from './client.ts'
import { timeOf } from './durations.ts'

type Advice = (args: Revert['args']) => string

const open = (wei: unknown): string => `${formatOpen(BigInt(wei as bigint), 18)} OPEN`
const time = (seconds: unknown): string => timeOf(Number(seconds) * 1000)

/** By the error's name and one of its arguments, since several contracts have a `NotOwner`. */
export const ADVICE: Readonly<Record<string, Advice>> = {
  // Contributors' bonds.
  BondTooSmall: ({ minimumWei, amountWei }) =>
    `The bond must come to ${open(minimumWei)}, and would be ${open(amountWei)}. Put down more.`,
  BondExiting: ({ exitAt }) =>
    `The bond is leaving already. Withdraw it from ${time(exitAt)} on, and put down another then.`,
  BondLocked: ({ exitAt, openReviews }) => {
    if (BigInt(exitAt as bigint) === 0n) {
      return 'The bond was not asked back yet. First: tributary datanet leave.'
    }
    const reviews = Number(openReviews) > 0 ? ` and when ${openReviews} reviews are closed` : ''
    return `The bond may be withdrawn from ${time(exitAt)} on${reviews}.`
  },
  NoBond: () =>
    'This account has no bond for that datanet. Name the key of the contributor: --key.',
  NoDatanet: ({ datanetId }) => `There is no datanet ${datanetId}. Datanets count from 1.`,
  // Reviews.
  AlreadyFlagged: ({ reviewId }) =>
    `That contribution was flagged before. See: tributary datanet review status ${reviewId}.`,
  WrongFlagBond: ({ bondWei }) =>
    `The bond of a flag has just become ${open(bondWei)}. Run this again.`,
  NotOpen: ({ reviewId }) => `Review ${reviewId} is closed, or there is none.`,
  TooLate: ({ until }) =>
    `That ended at ${time(until)}. A vote that is not opened in time does not count.`,
  TooEarly: ({ from }) => `That begins at ${time(from)}. Run this again then.`,
  AlreadyCommitted: () => 'This validator has sealed its vote, and a vote stands.',
  NotActiveValidator: ({ node }) =>
    `Only validators with stake vote, and ${node} is none. Name the key of your node: --key .tributary/node/node.key.`,
  BadReveal: () =>
    'No vote of this key is sealed in that review. Name the key that sealed it: --key.',
  // Models.
  NoModel: () =>
    'No such adapter is registered. It is when its fine-tuning stands in a final batch.',
  NotHeir: () =>
    'The adapter was not offered to this account. Its owner must: tributary model transfer.',
  FeeTooHigh: ({ maxFeeWei }) => `An owner may ask ${open(maxFeeWei)} a unit at the most.`,
  // Orders.
  AlreadyFunded: () =>
    'This account has an order for that job already. See: tributary order status.',
  NoOrder: () => 'There is no such order. Its id is what tributary order open has printed.',
  BadDeadline: () => 'The deadline must be ahead, and within a year.',
  Over: ({ deadline }) =>
    `The order ended at ${time(deadline)}. What is left goes back: tributary order refund.`,
  NotOver: ({ deadline }) => `What is left goes back from ${time(deadline)} on.`,
  AlreadyReleased: ({ index }) => `Milestone ${index} is released already.`,
  NothingLeft: () => 'Nothing of the order is left.',
  BadMilestones: ({ count, maxCount }) =>
    `There are ${maxCount} milestones at most, from 0 on, not ${count}.`,
  NotRequester: () =>
    "Only the requester's word releases it: its key, its --signature, or those of validators.",
  BadApproval: ({ validator }) =>
    `The signature of ${validator} is not under this. Ask for another: tributary order approve.`,
  // The ledger has an error of the same form, which is the one that is decoded.
  NoQuorum: ({ approvedWei, endorsedWei = approvedWei, validatorsWei }) =>
    `The signatures stand for ${open(endorsedWei)} of ${open(validatorsWei)}, and it takes two thirds. Bring more --signature.`,
  NothingOwed: () => 'This account is owed nothing there. See: tributary owed.',
  // Demands.
  NoSuchReceipt: ({ batch, count }) => `Batch ${batch} has ${count} receipts, from 0 on.`,
  AlreadyDemanded: () => 'Somebody has asked for that receipt. See: tributary dispute status.',
  NotDemanded: () => 'Nobody has asked for that receipt, or the matter is closed.',
  StillTime: ({ until }) => `It may be shown until ${time(until)}. Run this again then.`,
  WrongBond: ({ expectedWei }) => `The bond has just become ${open(expectedWei)}. Run this again.`,
  AlreadyFinal: ({ number }) => `Batch ${number} is final, and is judged no more.`,
  NotPosted: ({ number }) => `There is no batch ${number} yet.`,
  // Governance.
  GovernorUnexpectedProposalState: ({ proposalId }) =>
    `Proposal ${`${proposalId}`.slice(0, 10)}… is there, and in another state. See: tributary gov status.`,
  StepTooLarge: ({ param, before, value }) =>
    `By now ${PARAMETER_NAMES[Number(param)]} is ${before}, too far from ${value}: propose it anew, in smaller steps.`,
  WrongHeader: ({ number }) =>
    `Batch ${number} was taken back, or is another now. See: tributary dispute status ${number}.`,
  NotInBatch: () => 'What the node gave is not in that batch. Ask another: --node.',
  // Stake and escrow.
  NotStaked: ({ node }) => `Nobody has staked for ${node}.`,
  AlreadyExiting: ({ exitAt }) =>
    `The node is leaving already; its stake may be withdrawn from ${time(exitAt)} on.`,
  StakeLocked: ({ exitAt }) =>
    BigInt(exitAt as bigint) === 0n
      ? 'The stake was not asked back yet. First: tributary stake exit.'
      : `The stake may be withdrawn from ${time(exitAt)} on.`,
  StandsForBatches: ({ lockedWei }) =>
    `${open(lockedWei)} of the stake stand for batches that are not final. Run this again later.`,
  OverBalance: ({ balanceWei }) => `The escrow holds ${open(balanceWei)}.`,
  NothingLeaves: () => 'Nothing of the escrow was asked back. First: tributary escrow exit.',
  ExitTooEarly: ({ exitAt }) => `That part of the escrow may be withdrawn from ${time(exitAt)} on.`,
  BadProof: () =>
    "The node's payouts are not those of the newest batch that is final. Run this again in a minute, or ask another: --node.",
  NothingToClaim: () => 'All that this account has earned was paid.',
}

/** The error with what to do, where that is known; any other as it is. */
export function advised(error: unknown): unknown {
  if (!(error instanceof ChainError) || !error.revert) return error
  const { name, args } = error.revert
  if (name === 'Unknown' && !('data' in args)) return unexplained(error)
  const advice = name === 'NotOwner' ? notOwner(args) : ADVICE[name]?.(args)
  if (advice === undefined) return error
  const [what] = error.message.split(': ')
  return new ClientError(`${what}. ${advice}`, { cause: error })
}

/** Whoever named no key does not know which account is to have more. */
export function withAccount(error: unknown, { account }: { readonly account: string }): unknown {
  if (!(error instanceof ChainError) || error.code !== 'insufficient-funds') return error
  return new ClientError(`${error.message}. It is ${account}.`, { cause: error })
}

export const GOES_ON =
  'What was sent may still be mined: the same command goes on where it ended, and sends nothing twice.'

/** What failed after the deed, or in the middle of it, must not make it seem undone. */
export function afterWrite(
  error: unknown,
  { lastWritten, isSending }: Pick<ChainClient, 'lastWritten' | 'isSending'>,
): unknown {
  if (!(error instanceof WorldError)) return error
  if (lastWritten) {
    const { txHash, blockNumber } = lastWritten
    return new ClientError(
      `It is done, by transaction ${txHash} in block ${blockNumber}; do not send it again. But what came of it could not be read: ${error.message}`,
      { cause: error },
    )
  }
  if (!isSending || !isPassing(error)) return error
  return new ClientError(`${error.message} ${GOES_ON}`, { cause: error })
}

function unexplained(cause: ChainError): ClientError {
  const [what] = cause.message.split(': ')
  return new ClientError(
    `${what}, and does not say why. Whether the deployment's contracts are ours: tributary deploy --check.`,
    { cause },
  )
}

function notOwner({ caller }: Revert['args']): string {
  return `It belongs to another account than ${caller}. Name the key of its owner: --key.`
}
