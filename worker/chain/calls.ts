/** Our contracts' calls as transactions yet to be signed: what to say to whom, with how much money. */
import { encodeFunctionData } from 'viem'
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import { feeEscrowAbi } from '../../contracts/gen/FeeEscrow.ts'
import { modelRegistryAbi } from '../../contracts/gen/ModelRegistry.ts'
import { payoutAbi } from '../../contracts/gen/Payout.ts'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi } from '../../contracts/gen/StakeVault.ts'
import type { BatchHeader, Charge } from '../../protocol/batch.ts'
import type { Role } from '../../protocol/chain.ts'
import { roleBits } from '../../protocol/consent.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Proof, SumProof } from '../../protocol/merkle.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import type { ContractName } from './deployment.ts'

export interface Call {
  readonly contract: ContractName
  /** For people, after "refused to". */
  readonly what: string
  readonly data: `0x${string}`
  readonly valueWei?: bigint
}

export interface StakeTerms {
  readonly node: Address
  readonly roles: readonly Role[]
  readonly stakeWei: bigint
  /** `signConsent` with the node's present nonce. */
  readonly consent: `0x${string}`
}

export function stakeCall({ node, roles, stakeWei, consent }: StakeTerms): Call {
  const args = [node, BigInt(roleBits(roles)), consent] as const
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'stake', args })
  return { contract: 'stakeVault', what: `stake for ${node}`, data, valueWei: stakeWei }
}

export function topUpCall(node: Address, amountWei: bigint): Call {
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'topUp', args: [node] })
  return { contract: 'stakeVault', what: `top up ${node}`, data, valueWei: amountWei }
}

export function requestExitCall(node: Address): Call {
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'requestExit', args: [node] })
  return { contract: 'stakeVault', what: `take ${node} out of service`, data }
}

export function withdrawStakeCall(node: Address): Call {
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'withdraw', args: [node] })
  return { contract: 'stakeVault', what: `withdraw the stake of ${node}`, data }
}

export function depositCall(payer: Address, amountWei: bigint): Call {
  const data = encodeFunctionData({ abi: feeEscrowAbi, functionName: 'deposit', args: [payer] })
  return { contract: 'feeEscrow', what: `deposit for ${payer}`, data, valueWei: amountWei }
}

export function requestEscrowExitCall(amountWei: bigint): Call {
  const args = [amountWei] as const
  const data = encodeFunctionData({ abi: feeEscrowAbi, functionName: 'requestExit', args })
  return { contract: 'feeEscrow', what: `ask ${amountWei} wei of escrow back`, data }
}

export function withdrawEscrowCall(): Call {
  const data = encodeFunctionData({ abi: feeEscrowAbi, functionName: 'withdraw' })
  return { contract: 'feeEscrow', what: 'withdraw escrow', data }
}

export interface NewDatanet {
  /** 1 to 64 bytes. */
  readonly name: string
  /** SPDX identifier, 1 to 64 bytes. */
  readonly licence: string
  /** What contributors put down at the least, in gwei; governance's minimum counts where that is higher. */
  readonly bondGwei?: bigint
}

export function createDatanetCall({ name, licence, bondGwei = 0n }: NewDatanet): Call {
  const args = [name, licence, bondGwei] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'create', args })
  return { contract: 'datanetRegistry', what: `create datanet ${name}`, data }
}

export interface NewVersion {
  readonly datanetId: number
  /** Merkle root over the contributions. */
  readonly root: Hash
  readonly count: number
  readonly manifest: Cid
  readonly totalBytes: number
  /** SPDX expression of the version as a whole, 1 to 64 bytes. */
  readonly licence: string
  /** Where the data lies besides, as `worker/availability` names it. */
  readonly availability?: string
}

export function publishDatanetCall(version: NewVersion): Call {
  const { datanetId, count: contributionCount, availability = '', ...rest } = version
  const fresh = { ...rest, contributionCount, availability, totalBytes: BigInt(rest.totalBytes) }
  const args = [BigInt(datanetId), fresh] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'publish', args })
  return { contract: 'datanetRegistry', what: `publish datanet ${datanetId}`, data }
}

export interface Registration {
  /** Number of the final batch that holds the receipt. */
  readonly batch: number
  readonly receipt: Receipt
  readonly proof: Proof
  /** Who is paid when the adapter is used. */
  readonly owner: Address
  /** The data it was trained on. */
  readonly datanet?: { readonly datanetId: number; readonly version: number }
  /** Extra wei a unit that the owner asks. */
  readonly feeWei?: bigint
  /** Adapters and bases that it was made from, besides its base: at most 8. */
  readonly parents?: readonly Cid[]
}

export function registerModelCall(registration: Registration): Call {
  const { batch, receipt, proof, owner, datanet, feeWei = 0n, parents = [] } = registration
  const pedigree = {
    owner,
    datanetId: BigInt(datanet?.datanetId ?? 0),
    datanetVersion: BigInt(datanet?.version ?? 0),
    feeWei,
    parents,
  }
  const args = [BigInt(batch), receipt, BigInt(proof.index), proof.siblings, pedigree] as const
  const data = encodeFunctionData({ abi: modelRegistryAbi, functionName: 'register', args })
  return { contract: 'modelRegistry', what: `register ${receipt.output}`, data }
}

interface SignedEndorsement {
  readonly validator: Address
  readonly signature: `0x${string}`
}

export interface SignedCharge extends Charge {
  /** What the payer's voucher promises in all. */
  readonly cumulativeWei: bigint
  readonly signature: `0x${string}`
}

export interface SignedBatch {
  readonly header: BatchHeader
  /** Ascending by validator. */
  readonly endorsements: readonly SignedEndorsement[]
  /** Ascending by payer. */
  readonly charges: readonly SignedCharge[]
}

export function postBatchCall({ header, endorsements, charges }: SignedBatch): Call {
  const args = [{ ...header, number: BigInt(header.number) }, endorsements, charges] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'post', args })
  return { contract: 'resultLedger', what: `post batch ${header.number}`, data }
}

export function finaliseBatchCall(number: number): Call {
  const args = [BigInt(number)] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'finalise', args })
  return { contract: 'resultLedger', what: `finalise batch ${number}`, data }
}

export interface PayoutClaim {
  readonly account: Address
  readonly cumulativeWei: bigint
  /** Against the newest final batch. */
  readonly proof: SumProof
}

export function claimPayoutCall({ account, cumulativeWei, proof }: PayoutClaim): Call {
  const args = [account, cumulativeWei, BigInt(proof.index), proof.siblings] as const
  const data = encodeFunctionData({ abi: payoutAbi, functionName: 'claim', args })
  return { contract: 'payout', what: `claim for ${account}`, data }
}
