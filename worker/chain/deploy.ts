/** Puts our contracts on a chain. They know each other from birth: none has an owner who could wire them anew. */
import { encodeDeployData, getContractAddress, type Hex, toHex, zeroAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { datanetRegistryAbi, datanetRegistryBytecode } from '../../contracts/gen/DatanetRegistry.ts'
import { feeEscrowAbi, feeEscrowBytecode } from '../../contracts/gen/FeeEscrow.ts'
import { jobEscrowAbi, jobEscrowBytecode } from '../../contracts/gen/JobEscrow.ts'
import { modelRegistryAbi, modelRegistryBytecode } from '../../contracts/gen/ModelRegistry.ts'
import { payoutAbi, payoutBytecode } from '../../contracts/gen/Payout.ts'
import { resultLedgerAbi, resultLedgerBytecode } from '../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi, stakeVaultBytecode } from '../../contracts/gen/StakeVault.ts'
import type { Address } from '../../protocol/fields.ts'
import { fromHex } from '../../protocol/hash.ts'
import type { ContractName, Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { Outbox } from './outbox.ts'
import { memoryStore } from './outbox-file.ts'
import { smallQuantity, toQuantity } from './quantities.ts'
import { Rpc } from './rpc.ts'

/** What the contracts are born with; it cannot be changed. */
interface DeployTerms {
  /** Seconds between the posting of a batch and its end: below 24 hours is safe on an embedded chain only. */
  readonly windowSeconds: number
  /** Seconds that stake and escrow stay after a request to leave; longer than the window. */
  readonly exitDelaySeconds: number
  readonly minimumStakeWei: bigint
}

export interface DeployOptions extends DeployTerms {
  /** Account that gets what is nobody else's part of a fee. */
  readonly treasury: Address
  /** WebSocket or HTTP address of the chain's RPC. */
  readonly url: string
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** Far more than all contracts cost, in wei. */
const DEPLOYER_WEI = 10n ** 18n

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
  const rpc = new Rpc(url)
  try {
    const params = [account, toQuantity(balanceWei)]
    await rpc.request(z.unknown(), 'anvil_setBalance', params, signal)
  } finally {
    rpc.close()
  }
}

/**
 * Deploys all contracts with the money of `deployerKey` (32 bytes), which has no rights over them afterwards. Throws
 * `ChainError`; what was deployed until then is of no use, and may be left.
 */
export async function deploy(options: DeployOptions, deployerKey: Uint8Array): Promise<Deployment> {
  const { url, signal } = options
  const rpc = new Rpc(url)
  try {
    const account = privateKeyToAccount(toHex(deployerKey))
    const chainId = await rpc.request(smallQuantity, 'eth_chainId', [], signal)
    const params = [account.address, 'latest']
    const nonce = await rpc.request(smallQuantity, 'eth_getTransactionCount', params, signal)
    const plan = planOf(options, account.address, nonce)
    const outbox = new Outbox({ rpc, chainId, account, store: memoryStore() })
    let fromBlock = 0
    for (const [index, { name, address, data }] of plan.entries()) {
      const mined = await outbox.send({ what: `deploy ${name}`, data }, signal)
      if (mined.contractAddress !== address) {
        throw new ChainError(
          'nonce-taken',
          `${name} came to lie at ${mined.contractAddress}, not ${address}: use a deployer key that nothing else uses`,
        )
      }
      if (index === 0) fromBlock = mined.blockNumber
      options.onProgress?.(index + 1, plan.length)
    }
    const addresses = Object.fromEntries(plan.map(({ name, address }) => [name, address]))
    return {
      chainId,
      addresses: addresses as Deployment['addresses'],
      fromBlock,
      windowSeconds: options.windowSeconds,
      treasury: options.treasury,
    }
  } finally {
    rpc.close()
  }
}

interface Planned {
  readonly name: ContractName
  readonly address: Address
  readonly data: Hex
}

/** An address follows from the deployer's nonce, so contracts can name those that come after them. */
function planOf(terms: DeployTerms, from: Hex, firstNonce: number): Planned[] {
  const at = (place: number): Address =>
    getContractAddress({ from, nonce: BigInt(firstNonce + place) }).toLowerCase() as Address
  const [vault, escrow, payout, ledger, datanets] = [at(0), at(1), at(2), at(3), at(4)]
  // No contract of this list tells parameters: bonds, flags and changes of a model's fee wait for one that does.
  const params = zeroAddress
  const exitDelay = BigInt(terms.exitDelaySeconds)
  const codes: [ContractName, Hex][] = [
    [
      'stakeVault',
      encodeDeployData({
        abi: stakeVaultAbi,
        bytecode: stakeVaultBytecode,
        args: [terms.minimumStakeWei, exitDelay],
      }),
    ],
    [
      'feeEscrow',
      encodeDeployData({
        abi: feeEscrowAbi,
        bytecode: feeEscrowBytecode,
        args: [ledger, exitDelay],
      }),
    ],
    ['payout', encodeDeployData({ abi: payoutAbi, bytecode: payoutBytecode, args: [ledger] })],
    [
      'resultLedger',
      encodeDeployData({
        abi: resultLedgerAbi,
        bytecode: resultLedgerBytecode,
        args: [vault, escrow, payout, BigInt(terms.windowSeconds)],
      }),
    ],
    [
      'datanetRegistry',
      encodeDeployData({
        abi: datanetRegistryAbi,
        bytecode: datanetRegistryBytecode,
        args: [params, vault],
      }),
    ],
    [
      'modelRegistry',
      encodeDeployData({
        abi: modelRegistryAbi,
        bytecode: modelRegistryBytecode,
        args: [ledger, params, datanets],
      }),
    ],
    [
      'jobEscrow',
      encodeDeployData({ abi: jobEscrowAbi, bytecode: jobEscrowBytecode, args: [vault] }),
    ],
  ]
  return codes.map(([name, data], place) => ({ name, address: at(place), data }))
}
