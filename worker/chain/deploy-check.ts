/** Whether the contracts of a deployment are ours, and know each other as they should. */
import { keccak256, type PublicClient } from 'viem'
import { openGovernorAbi } from '../../contracts/gen/OpenGovernor.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import { runtimes } from '../../contracts/gen/runtimes.ts'
import { timelockAbi } from '../../contracts/gen/Timelock.ts'
import { fromHex } from '../../protocol/hash.ts'
import { PARAMETER_NAMES } from '../../protocol/parameters.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import type { ContractName, Deployment } from './deployment.ts'
import { hexBytes } from './quantities.ts'
import { read } from './reader.ts'
import type { Rpc } from './rpc.ts'
import type { GovernanceTerms } from './terms.ts'

export const SOLIDITY_NAMES = {
  stakeVault: 'StakeVault',
  datanetRegistry: 'DatanetRegistry',
  modelRegistry: 'ModelRegistry',
  disputes: 'Disputes',
  jury: 'Jury',
  feeEscrow: 'FeeEscrow',
  resultLedger: 'ResultLedger',
  payout: 'Payout',
  gOpen: 'GOpen',
  timelock: 'Timelock',
  governor: 'OpenGovernor',
  params: 'Params',
  jobEscrow: 'JobEscrow',
} as const satisfies Record<ContractName, keyof typeof runtimes>

/** Whom each contract names, by the question that tells. */
const WIRES: Readonly<Record<ContractName, Readonly<Record<string, ContractName>>>> = {
  stakeVault: {
    params: 'params',
    ledger: 'resultLedger',
    disputes: 'disputes',
    jury: 'jury',
    payout: 'payout',
  },
  datanetRegistry: { params: 'params', vault: 'stakeVault' },
  modelRegistry: { ledger: 'resultLedger', params: 'params', datanets: 'datanetRegistry' },
  disputes: {
    params: 'params',
    ledger: 'resultLedger',
    vault: 'stakeVault',
    models: 'modelRegistry',
  },
  jury: { params: 'params', ledger: 'resultLedger', vault: 'stakeVault' },
  feeEscrow: { ledger: 'resultLedger', params: 'params' },
  resultLedger: {
    params: 'params',
    vault: 'stakeVault',
    escrow: 'feeEscrow',
    payout: 'payout',
    disputes: 'disputes',
    jury: 'jury',
  },
  payout: { ledger: 'resultLedger' },
  gOpen: {},
  timelock: {},
  governor: { token: 'gOpen', timelock: 'timelock' },
  params: { governor: 'timelock' },
  jobEscrow: { vault: 'stakeVault' },
}

/**
 * Every fault that is found, each a sentence; none where all is well. What the constructors did besides is not looked at:
 * for that, the contracts must have been deployed by this program.
 * @param governance What the governor was born with, where that is known; votes may have changed it since.
 */
export async function faultsOfDeployment(
  rpc: Rpc,
  deployment: Deployment,
  governance?: GovernanceTerms,
  signal?: AbortSignal,
): Promise<string[]> {
  const faults = await codeFaults(rpc, deployment, signal)
  // What is not ours need not answer.
  if (faults.length > 0) return faults
  const ask = async (client: PublicClient) =>
    await Promise.all([
      wireFaults(client, deployment),
      valueFaults(client, deployment),
      roleFaults(client, deployment),
      governance === undefined ? [] : governanceFaults(client, deployment, governance),
    ])
  return (await read(rpc, deployment.chainId, ask, signal)).flat()
}

async function codeFaults(rpc: Rpc, { addresses }: Deployment, signal?: AbortSignal) {
  const names = Object.keys(SOLIDITY_NAMES) as ContractName[]
  const faults = names.map(async (name) => {
    const code = await rpc.request(hexBytes, 'eth_getCode', [addresses[name], 'latest'], signal)
    return isOurs(name, fromHex(code)) ? [] : [codeFault(name, addresses[name], code)]
  })
  return (await Promise.all(faults)).flat()
}

function codeFault(name: ContractName, at: string, code: string): string {
  if (code === '0x') return `There is no contract at ${at}, where ${name} should be.`
  return `The code at ${at} is not that of our ${name}.`
}

/** True where this is the contract's code, whatever its constructor was told. */
export function isOurs(name: ContractName, code: Uint8Array): boolean {
  const { bytes, hash, immutables } = runtimes[SOLIDITY_NAMES[name]]
  if (code.length !== bytes) return false
  const bare = Uint8Array.from(code)
  for (const [start, length] of immutables) bare.fill(0, start, start + length)
  return keccak256(bare) === hash
}

async function wireFaults(client: PublicClient, { addresses }: Deployment): Promise<string[]> {
  const wires = Object.entries(WIRES).flatMap(([name, ends]) =>
    Object.entries(ends).map(([question, end]) => ({ name: name as ContractName, question, end })),
  )
  const faults = wires.map(async ({ name, question, end }) => {
    const abi = [addressQuestion(question)] as const
    const at = addresses[name]
    const told = await client.readContract({ address: at, abi, functionName: question })
    if (told.toLowerCase() === addresses[end]) return []
    return [`${name} says that its ${question} is ${told}, not ${addresses[end]}.`]
  })
  return (await Promise.all(faults)).flat()
}

function addressQuestion(name: string) {
  const outputs = [{ type: 'address' }] as const
  return { type: 'function', name, inputs: [], outputs, stateMutability: 'view' } as const
}

/** Epochs, birth values and threshold are numbers by which every node reckons. */
async function valueFaults(client: PublicClient, deployment: Deployment): Promise<string[]> {
  const { addresses, epochSeconds, parameters } = deployment
  const params = { address: addresses.params, abi: paramsAbi } as const
  const ledger = { address: addresses.resultLedger, abi: resultLedgerAbi } as const
  // The values that contracts were born with count from epoch 0 on, whatever was voted for since.
  const groups = Array.from({ length: PARAMETER_NAMES.length / 4 }, (_, group) =>
    client.readContract({ ...params, functionName: 'groupAt', args: [BigInt(group), 0n] }),
  )
  const values = (await Promise.all(groups)).flat().map(Number)
  const [epoch, ledgerEpoch, strictness] = await Promise.all([
    client.readContract({ ...params, functionName: 'epochSeconds' }),
    client.readContract({ ...ledger, functionName: 'epochSeconds' }),
    client.readContract({ ...ledger, functionName: 'initialStrictness' }),
  ])
  return [
    ...unequal('params.epochSeconds', Number(epoch), epochSeconds),
    ...unequal('resultLedger.epochSeconds', Number(ledgerEpoch), epochSeconds),
    ...unequal('resultLedger.initialStrictness', strictness, INITIAL_STRICTNESS_THOUSANDTHS),
    ...unequal('windowSeconds of the file', deployment.windowSeconds, parameters.windowSeconds),
    ...PARAMETER_NAMES.flatMap((name, index) =>
      unequal(`params.${name} at birth`, values[index]!, parameters[name]),
    ),
  ]
}

/** The governor alone schedules, anybody executes, and nobody but the timelock itself gives out roles. */
async function roleFaults(client: PublicClient, { addresses }: Deployment): Promise<string[]> {
  const timelock = { address: addresses.timelock, abi: timelockAbi } as const
  const roles = ['PROPOSER_ROLE', 'CANCELLER_ROLE', 'EXECUTOR_ROLE', 'DEFAULT_ADMIN_ROLE'] as const
  const anybody = `0x${'0'.repeat(40)}` as const
  const holders = [addresses.governor, addresses.governor, anybody, addresses.timelock] as const
  const faults = roles.map(async (functionName, index) => {
    const role = await client.readContract({ ...timelock, functionName })
    const args = [role, holders[index]!] as const
    const has = await client.readContract({ ...timelock, functionName: 'hasRole', args })
    return has ? [] : [`${holders[index]} lacks ${functionName} in the timelock.`]
  })
  return (await Promise.all(faults)).flat()
}

async function governanceFaults(
  client: PublicClient,
  { addresses }: Deployment,
  terms: GovernanceTerms,
): Promise<string[]> {
  const governor = { address: addresses.governor, abi: openGovernorAbi } as const
  const timelock = { address: addresses.timelock, abi: timelockAbi } as const
  const [delay, period, threshold, percent, least, wait] = await Promise.all([
    client.readContract({ ...governor, functionName: 'votingDelay' }),
    client.readContract({ ...governor, functionName: 'votingPeriod' }),
    client.readContract({ ...governor, functionName: 'proposalThreshold' }),
    client.readContract({ ...governor, functionName: 'quorumNumerator', args: [] }),
    client.readContract({ ...governor, functionName: 'leastQuorumWei' }),
    client.readContract({ ...timelock, functionName: 'getMinDelay' }),
  ])
  return [
    ...unequal('governor.votingDelay', delay, BigInt(terms.votingDelaySeconds)),
    ...unequal('governor.votingPeriod', period, BigInt(terms.votingPeriodSeconds)),
    ...unequal('governor.proposalThreshold', threshold, terms.thresholdWei),
    ...unequal('governor.quorumNumerator', percent, BigInt(terms.quorumPercent)),
    ...unequal('governor.leastQuorumWei', least, terms.leastQuorumWei),
    ...unequal('timelock.getMinDelay', wait, BigInt(terms.timelockSeconds)),
  ]
}

function unequal<T>(what: string, told: T, expected: T): string[] {
  return told === expected ? [] : [`${what} is ${told}, not ${expected}.`]
}
