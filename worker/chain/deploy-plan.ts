/** What is deployed, where, and with which code: the contracts know each other from birth, so all of it is known before. */
import { encodeDeployData, getContractAddress, type Hex } from 'viem'
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
import {
  faultOfValues,
  INITIAL_VALUES,
  PARAMETER_NAMES,
  type ParameterValues,
} from '../../protocol/parameters.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import type { ContractName, Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import type { GovernanceTerms } from './terms.ts'

/** All that a deployment follows from. */
export interface DeployPlan {
  /** The account that deploys, and its nonce for the first contract. */
  readonly from: Address
  readonly firstNonce: number
  readonly governance: GovernanceTerms
  /** What nodes will read, once all of it is on the chain. */
  readonly deployment: Deployment
}

/** What the contracts are born with. */
export interface BirthTerms {
  readonly governance: GovernanceTerms
  readonly parameters: ParameterValues
  /** Account that gets what is nobody else's part of a fee; the timelock, so that votes decide, where there is none. */
  readonly treasury?: Address
}

export interface Planned {
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

/** Plans for a chain and an account. `fromBlock` is its newest block, `firstNonce` the account's next nonce. */
export function planDeployment(
  terms: BirthTerms,
  place: Pick<Deployment, 'chainId' | 'fromBlock'> & Pick<DeployPlan, 'from' | 'firstNonce'>,
): DeployPlan {
  const { governance, parameters } = terms
  const { chainId, fromBlock, from, firstNonce } = place
  const addresses = addressesOf(from, firstNonce)
  const deployment = {
    ...{ chainId, addresses, fromBlock, parameters },
    windowSeconds: parameters.windowSeconds,
    treasury: terms.treasury ?? addresses.timelock,
    epochSeconds: governance.epochSeconds,
  }
  return { from, firstNonce, governance, deployment }
}

/** An address follows from the deployer's nonce, so contracts can name those that come after them. */
function addressesOf(from: Address, firstNonce: number): Deployment['addresses'] {
  const places = ORDER.map((name, place): [ContractName, Address] => {
    const nonce = BigInt(firstNonce + place)
    return [name, getContractAddress({ from, nonce }).toLowerCase() as Address]
  })
  return Object.fromEntries(places) as Deployment['addresses']
}

/** The contracts in the order in which they are deployed, one nonce each. */
export function contractsOf({ governance, deployment }: DeployPlan): Planned[] {
  const at = deployment.addresses
  const codes = {
    ...governanceCodes(governance, deployment.parameters, at),
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

/** The table's values, except where these say otherwise. Throws `bad-terms` where the contract would refuse them. */
export function parametersWith(changes: Partial<ParameterValues>): ParameterValues {
  const values = { ...INITIAL_VALUES, ...changes }
  const fault = faultOfValues(values)
  if (fault) throw new ChainError('bad-terms', `${fault.message}; deploy with other values`)
  return values
}
