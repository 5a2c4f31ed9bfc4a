/** What there is to see of governance, and how the governor's answers are read. */
import { decodeFunctionData, type Hex } from 'viem'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import type { Address } from '../../protocol/fields.ts'
import { PARAMETER_NAMES, type ParameterName } from '../../protocol/parameters.ts'
import type { Change } from './governance-calls.ts'

/** In the order of the governor's `ProposalState`. */
export const STATES = [
  'pending',
  'active',
  'cancelled',
  'defeated',
  'succeeded',
  'queued',
  'expired',
  'executed',
] as const
export type ProposalState = (typeof STATES)[number]

export interface ProposalView {
  readonly id: bigint
  readonly state: ProposalState
  /** Empty where it asks for anything else than parameters. */
  readonly changes: readonly Change[]
  readonly because: string
  readonly proposer: Address
  readonly againstWei: bigint
  readonly forWei: bigint
  readonly abstainWei: bigint
  /** For and abstaining votes that are needed; `undefined` before the vote begins, when nobody knows. */
  readonly quorumWei: bigint | undefined
  readonly votesFromMs: number
  readonly votesUntilMs: number
  /** When it may be executed; 0 where it is not queued. */
  readonly dueAtMs: number
}

export interface ParameterView {
  readonly param: ParameterName
  /** In the running epoch. */
  readonly value: number
  /** What has been announced, the next epoch first. */
  readonly announced: readonly { readonly fromEpoch: number; readonly value: number }[]
}

export interface Voter {
  readonly account: Address
  /** OPEN, which votes only when wrapped. */
  readonly openWei: bigint
  readonly gOpenWei: bigint
  /** The zero address where nobody votes for this account, not even itself. */
  readonly delegate: Address
  /** What was delegated to this account. */
  readonly votesWei: bigint
}

/**
 * What a proposal's calls change; nothing where one of them is another, for who votes for the changes votes for that as well.
 * @param targets The contract of each call, and `calldatas` what is said to it
 */
export function changesIn(
  params: Address,
  targets: readonly string[],
  calldatas: readonly Hex[],
): Change[] {
  const changes = calldatas.map((data, index) =>
    targets[index]?.toLowerCase() === params ? changesOf(data) : [],
  )
  return changes.some(({ length }) => length === 0) ? [] : changes.flat()
}

/** Anybody may propose anything, so the call may be none of ours. */
function changesOf(data: Hex): Change[] {
  try {
    const { functionName, args } = decodeFunctionData({ abi: paramsAbi, data })
    if (functionName !== 'set') return []
    const [names, values] = args
    return names.map((name, index) => {
      const param = PARAMETER_NAMES[name]
      if (!param) throw new RangeError(`there is no parameter ${name}`)
      return { param, value: Number(values[index]) }
    })
  } catch {
    return []
  }
}
