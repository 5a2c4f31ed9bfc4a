/** Puts our contracts on a chain. They know each other from birth: none has an owner who could wire them anew. */
import { encodeDeployData, getContractAddress, type Hex, toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { datanetRegistryAbi, datanetRegistryBytecode } from '../../contracts/gen/DatanetRegistry.ts'
import { disputesAbi, disputesBytecode } from '../../contracts/gen/Disputes.ts'
import { feeEscrowAbi, feeEscrowBytecode } from '../../contracts/gen/FeeEscrow.ts'
import { gOpenAbi, gOpenBytecode } from '../../contracts/gen/GOpen.ts'
import { jobEscrowAbi, jobEscrowBytecode } from '../../contracts/gen/JobEscrow.ts'
import { juryAbi, juryBytecode } from '../../contracts/gen/Jury.ts'
import { modelRegistryAbi, modelRegistryBytecode } from '../../contracts/gen/ModelRegistry.ts'
import { openGovernorAbi, openGovernorBytecode } from '../../contracts/gen/OpenGovernor.ts'
import { paramsAbi, paramsBytecode } from '../../contracts/gen/Params.ts'
import { payoutAbi, payoutBytecode } from '../../contracts/gen/Payout.ts'
import { resultLedgerAbi, resultLedgerBytecode } from '../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi, stakeVaultBytecode } from '../../contracts/gen/StakeVault.ts'
import { timelockAbi, timelockBytecode } from '../../contracts/gen/Timelock.ts'
import type { Address } from '../../protocol/fields.ts'
import { fromHex } from '../../protocol/hash.ts'
import {
  faultOfValues,
  INITIAL_VALUES,
  PARAMETER_NAMES,
  type ParameterValues,
} from '../../protocol/parameters.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import type { ContractName, Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { Outbox } from './outbox.ts'
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
const DEPLOYER_WEI = 10n ** 18n
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
  const parameters = parametersOf(options)
  const rpc = new Rpc(url)
  try {
    const account = privateKeyToAccount(toHex(deployerKey))
    const chainId = await rpc.request(smallQuantity, 'eth_chainId', [], signal)
    const params = [account.address, 'latest']
    const nonce = await rpc.request(smallQuantity, 'eth_getTransactionCount', params, signal)
    const plan = planOf(options, parameters, account.address, nonce)
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
      epochSeconds: options.governance.epochSeconds,
      parameters,
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

/** Each is deployed after those that its constructor asks; others it may name before they are there. */
const ORDER = [
  'gOpen',
  'timelock',
  'governor',
  'params',
  'stakeVault',
  'feeEscrow',
  'payout',
  'resultLedger',
  'datanetRegistry',
  'modelRegistry',
  'disputes',
  'jury',
  'jobEscrow',
] as const satisfies readonly ContractName[]

/** An address follows from the deployer's nonce, so contracts can name those that come after them. */
function planOf(
  terms: DeployTerms,
  parameters: ParameterValues,
  from: Hex,
  firstNonce: number,
): Planned[] {
  const places = ORDER.map((name, place): [ContractName, Address] => {
    const nonce = BigInt(firstNonce + place)
    return [name, getContractAddress({ from, nonce }).toLowerCase() as Address]
  })
  const at = Object.fromEntries(places) as Record<ContractName, Address>
  const codes = {
    ...governanceCodes(terms.governance, parameters, at),
    ...workCodes(at),
    ...registryCodes(at),
    ...judgeCodes(at),
  }
  return ORDER.map((name) => ({ name, address: at[name], data: codes[name] }))
}

type Addresses = Readonly<Record<ContractName, Address>>

function governanceCodes(
  terms: GovernanceTerms,
  parameters: ParameterValues,
  { gOpen, timelock, governor }: Addresses,
) {
  const initial = PARAMETER_NAMES.map((name) => BigInt(parameters[name]))
  return {
    gOpen: encodeDeployData({ abi: gOpenAbi, bytecode: gOpenBytecode }),
    timelock: encodeDeployData({
      abi: timelockAbi,
      bytecode: timelockBytecode,
      args: [BigInt(terms.timelockSeconds), governor],
    }),
    governor: encodeDeployData({
      abi: openGovernorAbi,
      bytecode: openGovernorBytecode,
      args: [gOpen, timelock, { ...terms, quorumPercent: BigInt(terms.quorumPercent) }],
    }),
    params: encodeDeployData({
      abi: paramsAbi,
      bytecode: paramsBytecode,
      args: [timelock, BigInt(terms.epochSeconds), initial],
    }),
  }
}

function workCodes({
  params,
  stakeVault,
  feeEscrow,
  payout,
  resultLedger,
  disputes,
  jury,
}: Addresses) {
  return {
    stakeVault: encodeDeployData({
      abi: stakeVaultAbi,
      bytecode: stakeVaultBytecode,
      args: [params, resultLedger, disputes, jury, payout],
    }),
    feeEscrow: encodeDeployData({
      abi: feeEscrowAbi,
      bytecode: feeEscrowBytecode,
      args: [resultLedger, params],
    }),
    payout: encodeDeployData({ abi: payoutAbi, bytecode: payoutBytecode, args: [resultLedger] }),
    resultLedger: encodeDeployData({
      abi: resultLedgerAbi,
      bytecode: resultLedgerBytecode,
      args: [params, stakeVault, feeEscrow, payout, disputes, jury, INITIAL_STRICTNESS_THOUSANDTHS],
    }),
  }
}

function registryCodes({ params, resultLedger, stakeVault, datanetRegistry }: Addresses) {
  return {
    datanetRegistry: encodeDeployData({
      abi: datanetRegistryAbi,
      bytecode: datanetRegistryBytecode,
      args: [params, stakeVault],
    }),
    modelRegistry: encodeDeployData({
      abi: modelRegistryAbi,
      bytecode: modelRegistryBytecode,
      args: [resultLedger, params, datanetRegistry],
    }),
    jobEscrow: encodeDeployData({
      abi: jobEscrowAbi,
      bytecode: jobEscrowBytecode,
      args: [stakeVault],
    }),
  }
}

function judgeCodes({ params, resultLedger, stakeVault, modelRegistry }: Addresses) {
  return {
    disputes: encodeDeployData({
      abi: disputesAbi,
      bytecode: disputesBytecode,
      args: [params, resultLedger, stakeVault, modelRegistry],
    }),
    jury: encodeDeployData({
      abi: juryAbi,
      bytecode: juryBytecode,
      args: [params, resultLedger, stakeVault],
    }),
  }
}

/** The table's values, except where the terms say otherwise. Throws `bad-terms` where the contract would refuse them. */
function parametersOf(terms: DeployTerms): ParameterValues {
  const values = {
    ...INITIAL_VALUES,
    windowSeconds: terms.windowSeconds,
    exitDelaySeconds: terms.exitDelaySeconds,
    minimumStakeGwei: Number(terms.minimumStakeWei / GWEI),
    ...terms.parameters,
  }
  const fault = faultOfValues(values)
  if (fault) throw new ChainError('bad-terms', `${fault.message}; deploy with other values`)
  return values
}
