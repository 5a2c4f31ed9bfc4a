/** Logs as our contracts would write them, for tests without a chain. */
import { type Abi, encodeAbiParameters, encodeEventTopics } from 'viem'
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import { feeEscrowAbi } from '../../contracts/gen/FeeEscrow.ts'
import { gOpenAbi } from '../../contracts/gen/GOpen.ts'
import { jobEscrowAbi } from '../../contracts/gen/JobEscrow.ts'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import { modelRegistryAbi } from '../../contracts/gen/ModelRegistry.ts'
import { openGovernorAbi } from '../../contracts/gen/OpenGovernor.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import { payoutAbi } from '../../contracts/gen/Payout.ts'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi } from '../../contracts/gen/StakeVault.ts'
import { timelockAbi } from '../../contracts/gen/Timelock.ts'
import type { Address } from '../../protocol/fields.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { ContractName, Deployment } from '../../worker/chain/deployment.ts'
import type { FakeLog } from './fake-chain.ts'

const ABIS: Readonly<Record<ContractName, Abi>> = {
  stakeVault: stakeVaultAbi,
  datanetRegistry: datanetRegistryAbi,
  modelRegistry: modelRegistryAbi,
  feeEscrow: feeEscrowAbi,
  resultLedger: resultLedgerAbi,
  payout: payoutAbi,
  disputes: disputesAbi,
  jury: juryAbi,
  gOpen: gOpenAbi,
  timelock: timelockAbi,
  governor: openGovernorAbi,
  params: paramsAbi,
  jobEscrow: jobEscrowAbi,
}

export function account(digit: number): Address {
  return `0x${digit.toString(16).padStart(2, '0').repeat(20)}` as Address
}

/** A deployment on the fake chain: from block 1 on. */
export const DEPLOYMENT: Deployment = {
  chainId: 31_337,
  addresses: {
    stakeVault: account(0xa1),
    datanetRegistry: account(0xa2),
    modelRegistry: account(0xa3),
    feeEscrow: account(0xa4),
    resultLedger: account(0xa5),
    payout: account(0xa6),
    disputes: account(0xa8),
    jury: account(0xa9),
    gOpen: account(0xb1),
    timelock: account(0xb2),
    governor: account(0xb3),
    params: account(0xb4),
    jobEscrow: account(0xb5),
  },
  fromBlock: 1,
  windowSeconds: 1,
  treasury: account(0xa7),
  epochSeconds: 10,
  parameters: INITIAL_VALUES,
}

/** A log of one of our events, its arguments by name. */
export function logOf(
  contract: ContractName,
  eventName: string,
  args: Readonly<Record<string, unknown>>,
): FakeLog {
  const event = ABIS[contract].find((item) => item.type === 'event' && item.name === eventName)
  if (event?.type !== 'event') throw new TypeError(`${contract} has no event ${eventName}`)
  const inData = event.inputs.filter(({ indexed }) => !indexed)
  return {
    address: DEPLOYMENT.addresses[contract],
    topics: encodeEventTopics({ abi: [event], eventName, args }).map(String),
    data: encodeAbiParameters(
      inData,
      inData.map(({ name }) => args[name ?? '']),
    ),
  }
}

/** `Claimed` of this many wei: a small log that can be told from others. */
export function claimedLog(amountWei: number): FakeLog {
  return logOf('payout', 'Claimed', {
    account: account(1),
    amountWei: BigInt(amountWei),
    cumulativeWei: BigInt(amountWei),
  })
}
