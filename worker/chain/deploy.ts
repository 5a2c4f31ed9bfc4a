/** Puts our contracts on a chain. They know each other from birth: none has an owner who could wire them anew. */
import { toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import type { Address } from '../../protocol/fields.ts'
import { fromHex } from '../../protocol/hash.ts'
import { OPEN_WEI } from '../../protocol/open-amount.ts'
import type { ParameterValues } from '../../protocol/parameters.ts'
import { parametersWith, planDeployment } from './deploy-plan.ts'
import { carryOut } from './deploy-steps.ts'
import type { Deployment } from './deployment.ts'
import { memoryStore } from './outbox-file.ts'
import { smallQuantity, toQuantity } from './quantities.ts'
import { Rpc } from './rpc.ts'
import type { GovernanceTerms } from './terms.ts'

/** What the contracts are born with. */
interface DeployTerms {
  /** Seconds between the posting of a batch and its end: below 24 hours is safe on an embedded chain only. */
  readonly windowSeconds: number
  /** Seconds that stake and escrow stay after a request to leave; longer than the window. */
  readonly exitDelaySeconds: number
  readonly minimumStakeWei: bigint
  readonly governance: GovernanceTerms
  /** Parameters that shall begin elsewhere than in the table; those above begin where they say. */
  readonly parameters?: Partial<ParameterValues>
}

export interface DeployOptions extends DeployTerms {
  /** Account that gets what is nobody else's part of a fee. */
  readonly treasury: Address
  /** WebSocket or HTTP address of the chain's RPC. */
  readonly url: string
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** Far more than a dozen contracts cost, in wei. */
const DEPLOYER_WEI = OPEN_WEI
const GWEI = 10n ** 9n

/** Deploys to an embedded chain, with a key that is forgotten afterwards. */
export async function deployEmbedded(options: DeployOptions): Promise<Deployment> {
  const key = fromHex(generatePrivateKey())
  const deployer = privateKeyToAccount(toHex(key)).address.toLowerCase() as Address
  await fundEmbedded(options.url, deployer, DEPLOYER_WEI, options.signal)
  return await deploy(options, key)
}

/** Sets an account's balance on an embedded chain, where money is free. */
export async function fundEmbedded(
  url: string,
  account: Address,
  balanceWei: bigint,
  signal?: AbortSignal,
): Promise<void> {
  using rpc = new Rpc(url)
  const params = [account, toQuantity(balanceWei)]
  await rpc.request(z.unknown(), 'anvil_setBalance', params, signal)
}

/**
 * Deploys all contracts with the money of `deployerKey` (32 bytes), which has no rights over them afterwards. Throws
 * `ChainError`; what was deployed until then is of no use, and may be left. `deploy-begun.ts` goes on instead.
 */
export async function deploy(options: DeployOptions, deployerKey: Uint8Array): Promise<Deployment> {
  const { url, signal, governance, treasury } = options
  const parameters = parametersWith({
    windowSeconds: options.windowSeconds,
    exitDelaySeconds: options.exitDelaySeconds,
    minimumStakeGwei: Number(options.minimumStakeWei / GWEI),
    ...options.parameters,
  })
  using rpc = new Rpc(url)
  const account = privateKeyToAccount(toHex(deployerKey))
  const from = account.address.toLowerCase() as Address
  const chainId = await rpc.request(smallQuantity, 'eth_chainId', [], signal)
  const fromBlock = await rpc.request(smallQuantity, 'eth_blockNumber', [], signal)
  const params = [from, 'latest']
  const firstNonce = await rpc.request(smallQuantity, 'eth_getTransactionCount', params, signal)
  const place = { chainId, fromBlock, from, firstNonce }
  const plan = planDeployment({ governance, parameters, treasury }, place)
  const onStep = ({ place, total }: { place: number; total: number }): void =>
    options.onProgress?.(place + 1, total)
  await carryOut({ rpc, account, store: memoryStore(), plan, onStep }, signal)
  return plan.deployment
}
