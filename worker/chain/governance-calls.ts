/** The calls of governance as transactions yet to be signed. */
import { encodeAbiParameters, encodeFunctionData, keccak256, toHex } from 'viem'
import { gOpenAbi } from '../../contracts/gen/GOpen.ts'
import { openGovernorAbi } from '../../contracts/gen/OpenGovernor.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import type { Address } from '../../protocol/fields.ts'
import { PARAMETER_NAMES, type ParameterName } from '../../protocol/parameters.ts'
import type { Call } from './calls.ts'

/** A parameter and the value that it shall have. */
export interface Change {
  readonly param: ParameterName
  readonly value: number
}

export interface Proposal {
  /** The contract that is to be called. */
  readonly params: Address
  readonly changes: readonly Change[]
  /** Why, for those who vote. */
  readonly because: string
  readonly proposer: Address
}

/**
 * The governor lets only this account make a proposal whose text ends so. Otherwise somebody who sees it coming could
 * make the same one first, and then cancel it.
 */
export const PROPOSER_MARK = /\n\n#proposer=0x[0-9a-f]{40}$/

/** In the order of the governor's `VoteType`. */
export const BALLOTS = ['against', 'for', 'abstain'] as const
export type Ballot = (typeof BALLOTS)[number]

export function depositVotesCall(amountWei: bigint): Call {
  const data = encodeFunctionData({ abi: gOpenAbi, functionName: 'deposit' })
  return { contract: 'gOpen', what: 'wrap OPEN as GOPEN', data, valueWei: amountWei }
}

export function withdrawVotesCall(to: Address, amountWei: bigint): Call {
  const args = [to, amountWei] as const
  const data = encodeFunctionData({ abi: gOpenAbi, functionName: 'withdraw', args })
  return { contract: 'gOpen', what: 'unwrap GOPEN', data }
}

export function delegateCall(to: Address): Call {
  const data = encodeFunctionData({ abi: gOpenAbi, functionName: 'delegate', args: [to] })
  return { contract: 'gOpen', what: `delegate votes to ${to}`, data }
}

export function proposeCall(proposal: Proposal): Call {
  const { targets, values, calls, text } = actionsOf(proposal)
  const args = [targets, values, calls, text] as const
  const data = encodeFunctionData({ abi: openGovernorAbi, functionName: 'propose', args })
  return { contract: 'governor', what: 'propose the change', data }
}

/** The number that the governor gives a proposal follows from what it says. */
export function proposalIdOf(proposal: Proposal): bigint {
  const { targets, values, calls, text } = actionsOf(proposal)
  const types = [
    { type: 'address[]' },
    { type: 'uint256[]' },
    { type: 'bytes[]' },
    { type: 'bytes32' },
  ] as const
  const hash = keccak256(toHex(text))
  return BigInt(keccak256(encodeAbiParameters(types, [targets, values, calls, hash])))
}

export function voteCall(id: bigint, ballot: Ballot): Call {
  const args = [id, BALLOTS.indexOf(ballot)] as const
  const data = encodeFunctionData({ abi: openGovernorAbi, functionName: 'castVote', args })
  return { contract: 'governor', what: `vote on ${id}`, data }
}

export function queueCall(id: bigint): Call {
  const data = encodeFunctionData({ abi: openGovernorAbi, functionName: 'queue', args: [id] })
  return { contract: 'governor', what: `queue ${id}`, data }
}

export function executeCall(id: bigint): Call {
  const data = encodeFunctionData({ abi: openGovernorAbi, functionName: 'execute', args: [id] })
  return { contract: 'governor', what: `execute ${id}`, data }
}

function actionsOf({ params, changes, because, proposer }: Proposal) {
  const indices = changes.map(({ param }) => PARAMETER_NAMES.indexOf(param))
  const args = [indices, changes.map(({ value }) => BigInt(value))] as const
  const call = encodeFunctionData({ abi: paramsAbi, functionName: 'set', args })
  const text = `${because}\n\n#proposer=${proposer}`
  return { targets: [params], values: [0n], calls: [call], text }
}
