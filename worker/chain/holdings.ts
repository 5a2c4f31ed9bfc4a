/** What the vault and the escrow hold for an account, beside the stake itself. */
import { encodeFunctionData, toEventSelector } from 'viem'
import { feeEscrowAbi } from '../../contracts/gen/FeeEscrow.ts'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import { stakeVaultAbi } from '../../contracts/gen/StakeVault.ts'
import type { Address } from '../../protocol/fields.ts'
import type { ChainClient, Written } from './client.ts'

export interface EscrowState {
  /** What is there to pay for jobs, that which leaves included. */
  readonly balanceWei: bigint
  /** The part that was asked back, */
  readonly leavingWei: bigint
  /** and when it may be withdrawn; 0 where nothing leaves. */
  readonly exitAtMs: number
  /** All that was ever taken for jobs. */
  readonly redeemedWei: bigint
}

/** The events by which contracts tell what they have paid out; of each, the amount comes first that is not indexed. */
const PAID: ReadonlySet<string> = new Set(
  [
    'Withdrawn(address,uint256)',
    'Collected(address,uint256)',
    'Claimed(address,uint256,uint256)',
    'BondWithdrawn(uint256,address,uint256)',
  ].map((event) => toEventSelector(event)),
)

/** What a write has had paid out, in wei. */
export function paidWei({ logs }: Written): bigint {
  const told = logs.find(({ topics: [event = ''] }) => PAID.has(event))
  return told ? BigInt(told.data.slice(0, 66)) : 0n
}

export async function readEscrow(
  chain: ChainClient,
  payer: Address,
  signal?: AbortSignal,
): Promise<EscrowState> {
  const contract = { address: chain.deployment.addresses.feeEscrow, abi: feeEscrowAbi } as const
  const { depositedWei, redeemedWei, leavingWei, exitAt } = await chain.read(
    (client) => client.readContract({ ...contract, functionName: 'account', args: [payer] }),
    signal,
  )
  return {
    balanceWei: depositedWei - redeemedWei,
    ...{ leavingWei, redeemedWei, exitAtMs: Number(exitAt) * 1000 },
  }
}

/** What cases before the jury have left an account, in wei: bonds, and jurors' pay. */
export function owedByCases(
  chain: ChainClient,
  account: Address,
  signal?: AbortSignal,
): Promise<bigint> {
  const contract = { address: chain.deployment.addresses.jury, abi: juryAbi } as const
  return chain.read(
    (client) => client.readContract({ ...contract, functionName: 'owedWei', args: [account] }),
    signal,
  )
}

/** Pays stakers' part of the fees, as far as the stake of this node has earned it, to this account, its owner. */
export async function collectEarnings(
  chain: ChainClient,
  node: Address,
  signal?: AbortSignal,
): Promise<Written> {
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'collect', args: [node] })
  const what = `collect what the stake of ${node} has earned`
  return await chain.write({ contract: 'stakeVault', what, data }, signal)
}
