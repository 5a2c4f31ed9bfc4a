/** Our contracts' calls as transactions yet to be signed: what to say to whom, with how much money. */
import { encodeFunctionData, parseSignature, signatureToCompactSignature } from 'viem'
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
import type { Proof, Way } from '../../protocol/merkle.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
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
  return { contract: 'feeEscrow', what: `ask ${formatOpen(amountWei)} OPEN of escrow back`, data }
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
  /** That of the final batch which holds the receipt. */
  readonly header: BatchHeader
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
  const { header, receipt, proof, owner, datanet, feeWei = 0n, parents = [] } = registration
  const { index, siblings } = proof
  const pedigree = {
    owner,
    datanetId: BigInt(datanet?.datanetId ?? 0),
    datanetVersion: BigInt(datanet?.version ?? 0),
    feeWei,
    parents,
  }
  const args = [headerArgument(header), receipt, BigInt(index), siblings, pedigree] as const
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
  const args = [
    headerArgument(header),
    endorsements.map(({ validator, signature }) => ({ validator, ...compact(signature) })),
    charges.map(chargeArgument),
  ] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'post', args })
  return { contract: 'resultLedger', what: `post batch ${header.number}`, data }
}

function finaliseBatchCall(header: BatchHeader): Call {
  const args = [headerArgument(header)] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'finalise', args })
  return { contract: 'resultLedger', what: `finalise batch ${header.number}`, data }
}

/** Makes the next batches final, in their order. */
export function finaliseBatchesCall(headers: readonly BatchHeader[]): Call {
  const [first] = headers
  if (first && headers.length === 1) return finaliseBatchCall(first)
  const args = [headers.map(headerArgument)] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'finaliseAll', args })
  const what = `finalise ${headers.length} batches from ${first?.number ?? 'none'} on`
  return { contract: 'resultLedger', what, data }
}

/** Takes the newest batch back, where it or one before it was found false. */
export function takeBackCall(header: BatchHeader, previous: BatchHeader | undefined): Call {
  const args = [headerArgument(header), headerArgument(previous ?? header)] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'takeBack', args })
  return { contract: 'resultLedger', what: `take batch ${header.number} back`, data }
}

/** Gives payers back what a batch that was taken back had collected. */
export function giveBackCall(header: BatchHeader, charges: readonly SignedCharge[]): Call {
  const args = [headerArgument(header), charges.map(chargeArgument)] as const
  const data = encodeFunctionData({ abi: resultLedgerAbi, functionName: 'giveBack', args })
  return { contract: 'resultLedger', what: `give back the charges of batch ${header.number}`, data }
}

/** A header as the ABI takes it. */
function headerArgument(header: BatchHeader) {
  return { ...header, number: BigInt(header.number), epoch: BigInt(header.epoch) }
}

function chargeArgument({ payer, feeWei, cumulativeWei, signature }: SignedCharge) {
  return { payer, feeWei, cumulativeWei, ...compact(signature) }
}

/** A signature of 65 bytes in the 64 of EIP-2098: the parity takes the highest bit of s. */
function compact(signature: `0x${string}`): { r: `0x${string}`; vs: `0x${string}` } {
  const { r, yParityAndS: vs } = signatureToCompactSignature(parseSignature(signature))
  return { r, vs }
}

export interface PayoutClaim {
  readonly account: Address
  readonly cumulativeWei: bigint
  /** Under the payout root of the newest final batch that collected fees. */
  readonly way: Way
}

export function claimPayoutCall({ account, cumulativeWei, way }: PayoutClaim): Call {
  const args = [account, cumulativeWei, way.path, way.siblings] as const
  const data = encodeFunctionData({ abi: payoutAbi, functionName: 'claim', args })
  return { contract: 'payout', what: `claim for ${account}`, data }
}
