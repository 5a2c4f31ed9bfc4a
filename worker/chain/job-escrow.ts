/** Orders that are paid for by milestones: what a requester, a worker or anybody else says to the JobEscrow. */
import { encodeFunctionData, type Hex, parseSignature, signatureToCompactSignature } from 'viem'
import { jobEscrowAbi } from '../../contracts/gen/JobEscrow.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { Milestone, Takeover } from '../../protocol/milestone.ts'
import { addressOf, publicKeyOf, sign } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import type { Call } from './calls.ts'
import type { ChainClient, Written } from './client.ts'
import { type Deployment, domainOf } from './deployment.ts'

export interface OrderTerms {
  readonly jobId: Hash
  /** The worker's account. */
  readonly payee: Address
  /** What each milestone is worth, in wei: 1 to 32, none of nothing. */
  readonly amountsWei: readonly bigint[]
  /** From then on nothing is released and the rest may be refunded. */
  readonly deadlineMs: number
}

export interface OrderState {
  /** The zero address where there is no such order. */
  readonly requester: Address
  readonly jobId: Hash
  readonly payee: Address
  readonly deadlineMs: number
  /** How often the work was taken over. */
  readonly round: number
  readonly milestones: readonly { readonly amountWei: bigint; readonly released: boolean }[]
  /** What is neither released nor refunded. */
  readonly leftWei: bigint
}

/** A validator's signature under a `Milestone` or a `Takeover`. */
export interface Approval {
  readonly validator: Address
  /** 65 bytes. */
  readonly signature: Hex
}

/** Funds an order with this account's money; it becomes the requester. `orderIdOf` tells its id. */
export async function fundOrder(
  chain: ChainClient,
  { jobId, payee, amountsWei, deadlineMs }: OrderTerms,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [jobId, payee, amountsWei, BigInt(Math.floor(deadlineMs / 1000))] as const
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: 'fund', args })
  const valueWei = amountsWei.reduce((sum, amountWei) => sum + amountWei, 0n)
  return await chain.write(callOf(`fund job ${jobId}`, data, valueWei), signal)
}

/** Releases a milestone that two thirds of the validators' stake have seen reached. */
export async function releaseMilestone(
  chain: ChainClient,
  orderId: Hash,
  { index, commitment }: Pick<Milestone, 'index' | 'commitment'>,
  approvals: readonly Approval[],
  signal?: AbortSignal,
): Promise<Written> {
  const args = [orderId, BigInt(index), commitment, inOrder(approvals)] as const
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: 'release', args })
  return await chain.write(callOf(`release milestone ${index}`, data), signal)
}

/** Releases a milestone at the requester's word: this account's, or its signature of 65 bytes brought by another. */
export async function releaseByRequester(
  chain: ChainClient,
  orderId: Hash,
  { index, commitment }: Pick<Milestone, 'index' | 'commitment'>,
  signature?: Hex,
  signal?: AbortSignal,
): Promise<Written> {
  const { r, vs } = signature === undefined ? { r: NONE, vs: NONE } : compact(signature)
  const args = [orderId, BigInt(index), commitment, r, vs] as const
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: 'releaseByRequester', args })
  return await chain.write(callOf(`release milestone ${index}`, data), signal)
}

/** Gives the milestones that are left to another worker. */
export async function replacePayee(
  chain: ChainClient,
  orderId: Hash,
  payee: Address,
  approvals: readonly Approval[],
  signal?: AbortSignal,
): Promise<Written> {
  const args = [orderId, payee, inOrder(approvals)] as const
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: 'replacePayee', args })
  return await chain.write(callOf(`give order ${orderId} to ${payee}`, data), signal)
}

/** Owes the requester what was not reached by the deadline. */
export async function refundOrder(
  chain: ChainClient,
  orderId: Hash,
  signal?: AbortSignal,
): Promise<Written> {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: 'refund', args: [orderId] })
  return await chain.write(callOf(`refund order ${orderId}`, data), signal)
}

/** Pays this account what the escrow owes it. */
export async function withdrawOrders(chain: ChainClient, signal?: AbortSignal): Promise<Written> {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: 'withdraw' })
  return await chain.write(callOf('withdraw what orders have paid', data), signal)
}

export async function readOrder(
  chain: ChainClient,
  orderId: Hash,
  signal?: AbortSignal,
): Promise<OrderState> {
  const contract = { address: chain.deployment.addresses.jobEscrow, abi: jobEscrowAbi } as const
  const { amounts, released, deadline, ...known } = await chain.read(
    (client) => client.readContract({ ...contract, functionName: 'orderOf', args: [orderId] }),
    signal,
  )
  return {
    requester: known.requester.toLowerCase() as Address,
    jobId: known.jobId as Hash,
    payee: known.payee.toLowerCase() as Address,
    deadlineMs: Number(deadline) * 1000,
    round: known.round,
    milestones: amounts.map((amountWei, index) => ({
      amountWei,
      released: ((released >>> index) & 1) === 1,
    })),
    leftWei: known.leftWei,
  }
}

/** What the escrow owes an account, in wei. */
export function owedByOrders(
  chain: ChainClient,
  account: Address,
  signal?: AbortSignal,
): Promise<bigint> {
  const contract = { address: chain.deployment.addresses.jobEscrow, abi: jobEscrowAbi } as const
  return chain.read(
    (client) => client.readContract({ ...contract, functionName: 'owedWei', args: [account] }),
    signal,
  )
}

/** A validator's approval by its private key of 32 bytes; `signature` alone is what a requester gives. */
export function approveMilestone(
  deployment: Deployment,
  key: Uint8Array,
  milestone: Milestone,
): Approval {
  return approval(key, digest(Milestone, milestone, domainOf(deployment, 'jobEscrow')))
}

export function approveTakeover(
  deployment: Deployment,
  key: Uint8Array,
  takeover: Takeover,
): Approval {
  return approval(key, digest(Takeover, takeover, domainOf(deployment, 'jobEscrow')))
}

const NONE = `0x${'0'.repeat(64)}` as const

function callOf(what: string, data: Hex, valueWei?: bigint): Call {
  return { contract: 'jobEscrow', what, data, ...(valueWei !== undefined && { valueWei }) }
}

function approval(key: Uint8Array, signed: Hash): Approval {
  return { validator: addressOf(publicKeyOf(key)), signature: sign(signed, key) }
}

/** As the contract wants them: ascending by validator, signatures in the short form of EIP-2098. */
function inOrder(approvals: readonly Approval[]) {
  return [...approvals]
    .sort((a, b) => (a.validator < b.validator ? -1 : 1))
    .map(({ validator, signature }) => ({ validator, ...compact(signature) }))
}

function compact(signature: Hex): { r: Hex; vs: Hex } {
  const { r, yParityAndS: vs } = signatureToCompactSignature(parseSignature(signature))
  return { r, vs }
}
