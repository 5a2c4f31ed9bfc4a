/** From a contract's log to a fact. Whoever pays gas may write almost anything into a log, so everything is checked. */
import { decodeEventLog, toEventSelector } from 'viem'
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import { feeEscrowAbi } from '../../contracts/gen/FeeEscrow.ts'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import { modelRegistryAbi } from '../../contracts/gen/ModelRegistry.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import { payoutAbi } from '../../contracts/gen/Payout.ts'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi } from '../../contracts/gen/StakeVault.ts'
import { type ChainLog, ROLE_BITS, ROLES } from '../../protocol/chain.ts'
import { ChainLogForm } from '../../protocol/chain-log.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { PARAMETER_NAMES } from '../../protocol/parameters.ts'
import type { ContractName, Deployment } from './deployment.ts'
import { DISPUTE_EVENTS, JURY_EVENTS, tellCase, tellDispute } from './dispute-facts.ts'
import type { Log } from './quantities.ts'

/** Why a log is no fact. */
export type DropReason =
  /** No contract of ours, no event of the list below, or not in its form. */
  | 'undecodable'
  /** A number too large, or text that is no content id. */
  | 'out-of-range'

export type ReadLog =
  | { readonly ok: true; readonly fact: ChainLog }
  | { readonly ok: false; readonly reason: DropReason }

const WANTED = [
  'Staked',
  'ExitRequested',
  'Escrowed',
  'Redeemed',
  'VersionPublished',
  'ModelRegistered',
  'BatchPosted',
  'BatchFinal',
  'BatchFaulted',
  'BatchVoided',
  'ChargesReturned',
  'Rotated',
  'Claimed',
  'ParamSet',
  ...DISPUTE_EVENTS,
  ...JURY_EVENTS,
]

/** First topics of the events that facts are made of. The escrow's own `ExitRequested` is none of them. */
export const FACT_TOPICS: readonly Hash[] = [
  ...stakeVaultAbi,
  ...datanetRegistryAbi,
  ...modelRegistryAbi,
  ...resultLedgerAbi,
  ...payoutAbi,
  ...paramsAbi,
  ...disputesAbi,
  ...juryAbi,
  ...feeEscrowAbi.filter(
    (item) => item.type !== 'event' || ['Escrowed', 'Redeemed'].includes(item.name),
  ),
]
  .filter((item) => item.type === 'event')
  .filter(({ name }) => WANTED.includes(name))
  .map((event) => toEventSelector(event) as Hash)

/** The fact in this log, or why there is none. */
export function readLog(deployment: Deployment, log: Log): ReadLog {
  const contract = contractAt(deployment, log.address)
  const told = contract && tell(contract, log)
  if (!told) return { ok: false, reason: 'undecodable' }
  const read = ChainLogForm.safeParse({ ...told, blockNumber: log.blockNumber })
  return read.success ? { ok: true, fact: read.data } : { ok: false, reason: 'out-of-range' }
}

function contractAt({ addresses }: Deployment, at: string): ContractName | undefined {
  return (Object.keys(addresses) as ContractName[]).find((name) => addresses[name] === at)
}

/** The log in the fact's words, unchecked; `undefined` where it is not one of the events. */
function tell(contract: ContractName, log: Log): Record<string, unknown> | undefined {
  const { data, transactionHash: txHash } = log
  const topics = log.topics as [Hash, ...Hash[]]
  try {
    switch (contract) {
      case 'stakeVault':
        return tellStake(decodeEventLog({ abi: stakeVaultAbi, topics, data }))
      case 'feeEscrow': {
        const { eventName, args } = decodeEventLog({ abi: feeEscrowAbi, topics, data })
        if (eventName === 'Redeemed') return { kind: 'redeemed', ...args, payer: lower(args.payer) }
        if (eventName !== 'Escrowed') return undefined
        return { kind: 'escrowed', ...args, payer: lower(args.payer) }
      }
      case 'datanetRegistry': {
        const { eventName, args } = decodeEventLog({ abi: datanetRegistryAbi, topics, data })
        if (eventName !== 'VersionPublished') return undefined
        const { datanetId, version, root, contributionCount: count, manifest } = args
        const numbers = { datanetId: Number(datanetId), version: Number(version), count }
        return {
          kind: 'datanet-published',
          ...numbers,
          root,
          manifest,
          operator: lower(args.operator),
        }
      }
      case 'modelRegistry': {
        const { eventName, args } = decodeEventLog({ abi: modelRegistryAbi, topics, data })
        if (eventName !== 'ModelRegistered') return undefined
        return { kind: 'model-registered', ...args, owner: lower(args.owner) }
      }
      case 'resultLedger':
        return tellBatch(decodeEventLog({ abi: resultLedgerAbi, topics, data }), txHash)
      case 'payout': {
        const { eventName, args } = decodeEventLog({ abi: payoutAbi, topics, data })
        if (eventName !== 'Claimed') return undefined
        return { kind: 'claimed', ...args, account: lower(args.account), txHash }
      }
      case 'params': {
        const { args } = decodeEventLog({ abi: paramsAbi, topics, data })
        const [value, fromEpoch] = [Number(args.value), Number(args.fromEpoch)]
        return { kind: 'param-set', param: PARAMETER_NAMES[args.param], value, fromEpoch }
      }
      case 'disputes':
        return tellDispute(decodeEventLog({ abi: disputesAbi, topics, data }))
      case 'jury':
        return tellCase(decodeEventLog({ abi: juryAbi, topics, data }))
      // What they do is seen by what it changes.
      case 'gOpen':
      case 'timelock':
      case 'governor':
      // Orders are between requester and payee: the core follows none.
      case 'jobEscrow':
        return undefined
    }
  } catch {
    // Not in the form of its event.
    return undefined
  }
}

type Decoded<Abi extends readonly unknown[]> = ReturnType<typeof decodeEventLog<Abi>>

function tellStake({ eventName, args }: Decoded<typeof stakeVaultAbi>) {
  // A key that another has taken the place of is out of service; the other is told of as staked.
  if (eventName === 'ExitRequested' || eventName === 'Rotated')
    return { kind: 'exiting', node: lower(args.node) }
  if (eventName !== 'Staked') return undefined
  const roles = ROLES.filter((role) => (Number(args.roles) & ROLE_BITS[role]) !== 0)
  return {
    kind: 'staked',
    node: lower(args.node),
    owner: lower(args.owner),
    roles,
    stakeWei: args.stakeWei,
  }
}

function tellBatch({ eventName, args }: Decoded<typeof resultLedgerAbi>, txHash: Hash) {
  switch (eventName) {
    case 'BatchPosted': {
      const { header } = args
      return {
        kind: 'batch-posted',
        header: { ...numbered(header), proposer: lower(header.proposer) },
        finalAtMs: Number(args.finalAt) * 1000,
        txHash,
      }
    }
    case 'BatchFinal':
      return { kind: 'batch-final', number: Number(args.number), txHash }
    case 'BatchFaulted':
      return { kind: 'batch-faulted', number: Number(args.number) }
    case 'BatchVoided':
      return { kind: 'batch-voided', number: Number(args.number), headerHash: args.headerHash }
    case 'ChargesReturned':
      return { kind: 'charges-returned', headerHash: args.headerHash }
    default:
      return undefined
  }
}

function numbered<T extends { number: bigint; epoch: bigint }>(header: T) {
  return { ...header, number: Number(header.number), epoch: Number(header.epoch) }
}

/** viem writes addresses with the checksum in their letters; ours are lowercase. */
function lower(account: string): Address {
  return account.toLowerCase() as Address
}
