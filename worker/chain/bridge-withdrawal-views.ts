/** How far a withdrawal is, as both chains tell it. */
import {
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  ExecutionRevertedError,
  parseAbi,
  zeroAddress,
} from 'viem'
import { getBlock, readContract } from 'viem/actions'
import {
  getTimeToFinalize,
  getTimeToNextGame,
  getWithdrawalStatus,
  getWithdrawals,
  isSuperGameType,
} from 'viem/op-stack'
import type { Hash } from '../../protocol/hash.ts'
import type { Bridge } from './bridge.ts'
import { told } from './bridge-errors.ts'
import type { Withdrawal } from './bridge-transfers.ts'
import { ChainError } from './errors.ts'
import { sleep } from './wait.ts'

const portalAbi = parseAbi([
  'function respectedGameType() view returns (uint32)',
  'function numProofSubmitters(bytes32 withdrawalHash) view returns (uint256)',
  'function proofSubmitters(bytes32 withdrawalHash, uint256 index) view returns (address)',
  'function checkWithdrawal(bytes32 withdrawalHash, address proofSubmitter) view',
])

/** Of those who have proven a withdrawal, how many are looked at beside its sender and this account. */
const NEWEST_PROVERS = 8

/** An RPC address with several nodes behind it may lag by a few blocks of L1; then a later look will tell. */
const AFTER_LOOKS = 30
const AFTER_MS = 1000

/** viem's words for a withdrawal, and ours. */
const STATES = {
  'waiting-to-prove': 'waiting-to-prove',
  'ready-to-prove': 'ready-to-prove',
  'waiting-to-finalize': 'waiting-to-finalise',
  'ready-to-finalize': 'ready-to-finalise',
  finalized: 'finalised',
} as const

/** `lost`: the L2 knows nothing of it. `sent`: not mined yet. `refused`: it failed on L2. The rest is as in the OP Stack. */
export type WithdrawalState = 'lost' | 'sent' | 'refused' | (typeof STATES)[keyof typeof STATES]

export interface WithdrawalView extends Withdrawal {
  readonly state: WithdrawalState
  /** As far as it can be told, how long it will stay in a state of waiting. */
  readonly waitSeconds?: number
}

/** A withdrawal whose message is known. */
export type Sent<W extends Withdrawal = Withdrawal> = W & {
  readonly message: NonNullable<Withdrawal['message']>
  readonly l2Block: NonNullable<Withdrawal['l2Block']>
}

/** The withdrawal of that transaction on L2. Keeps its message once the L2 has it. */
export async function viewWithdrawal(bridge: Bridge, txHash: Hash): Promise<WithdrawalView> {
  return await told('look for the withdrawal', async () => {
    const known = knownWithdrawal(bridge, txHash)
    // Until it is proven, the L2 may still move it to another block.
    const found = known.proveTxHash && isSent(known) ? known : await findMessage(bridge, known)
    if (typeof found === 'string') return { ...known, state: found }
    return { ...found, ...(await progressOf(bridge, found)) }
  })
}

/** What a step has come to; a node may give its receipt out a moment before the state that it led to. */
export async function viewAfter(bridge: Bridge, before: WithdrawalView): Promise<WithdrawalView> {
  for (let looks = 1; ; looks++) {
    const view = await viewWithdrawal(bridge, before.txHash)
    if (view.state !== before.state || looks === AFTER_LOOKS) return view
    await sleep(AFTER_MS, bridge.signal)
  }
}

/** What is noted of it; just its hash where it was not sent from here. */
export function knownWithdrawal({ transfers }: Bridge, txHash: Hash): Withdrawal {
  const known = transfers.find(txHash)
  if (known?.kind !== 'deposit') return known ?? { kind: 'withdrawal', txHash }
  throw new ChainError('unknown-transfer', `${txHash} is a deposit: it needs no further step`)
}

/** Games over several chains at once count by time instead of by block. */
export async function placeOf({ l1, portal }: Bridge, { l2Block }: Sent): Promise<bigint> {
  const contract = { address: portal, abi: portalAbi } as const
  const type = await readContract(l1.client, { ...contract, functionName: 'respectedGameType' })
  return isSuperGameType(type) ? l2Block.seconds : l2Block.number
}

/**
 * Whose proof lets the withdrawal be delivered now; `undefined` where nobody's does yet. Anybody may prove it anew at any
 * time, and takes nothing from what was proven before.
 */
export async function readyProver(
  { l1, portal, account }: Bridge,
  { message: { withdrawalHash, sender } }: Sent,
): Promise<Address | undefined> {
  const contract = { address: portal, abi: portalAbi } as const
  const asked = { ...contract, functionName: 'numProofSubmitters', args: [withdrawalHash] } as const
  const count = Number(await readContract(l1.client, asked))
  const places = Array.from({ length: Math.min(count, NEWEST_PROVERS) }, (_, back) => {
    return BigInt(count - 1 - back)
  })
  const newest = places.map((place) => {
    const args = [withdrawalHash, place] as const
    return readContract(l1.client, { ...contract, functionName: 'proofSubmitters', args })
  })
  for (const prover of new Set([account, sender, ...(await Promise.all(newest))])) {
    const args = [withdrawalHash, prover] as const
    const check = { ...contract, functionName: 'checkWithdrawal', args } as const
    if (await isTaken(() => readContract(l1.client, check))) return prover
  }
  return undefined
}

/** False where a contract refuses. */
export async function isTaken(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch (error) {
    if (error instanceof BaseError && error.walk(isRefusal)) return false
    throw error
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ContractFunctionRevertedError || error instanceof ExecutionRevertedError
}

export function isSent<W extends Withdrawal>(known: W): known is Sent<W> {
  return known.message !== undefined && known.l2Block !== undefined
}

async function progressOf(bridge: Bridge, sent: Sent) {
  const { l1, targetChain, portal } = bridge
  const { withdrawalHash, sender } = sent.message
  const l2BlockNumber = await placeOf(bridge, sent)
  const asked = { targetChain, withdrawalHash, sender, l2BlockNumber }
  const state = STATES[await getWithdrawalStatus(l1.client, asked)]
  // Of all proofs viem looks at the last.
  const isReady = state !== 'finalised' && (await readyProver(bridge, sent)) !== undefined
  if (isReady) return { state: 'ready-to-finalise' } as const
  if (state === 'waiting-to-prove') {
    const { seconds } = await getTimeToNextGame(l1.client, { targetChain, l2BlockNumber })
    return { state, waitSeconds: seconds }
  }
  if (state !== 'waiting-to-finalise') return { state }
  const { seconds } = await getTimeToFinalize(l1.client, {
    withdrawalHash,
    portalAddress: portal,
    // Asked of portals without games only.
    l2OutputOracleAddress: zeroAddress,
  })
  return { state, waitSeconds: seconds }
}

async function findMessage(
  { l2, transfers }: Bridge,
  known: Withdrawal,
): Promise<Sent | 'lost' | 'sent' | 'refused'> {
  const receipt = await l2.receipt(known.txHash)
  if (!receipt) return (await l2.knows(known.txHash)) ? 'sent' : 'lost'
  if (receipt.status !== 'success') return 'refused'
  const passer = l2.client.chain.contracts.l2ToL1MessagePasser.address.toLowerCase()
  const logs = receipt.logs.filter(({ address }) => address.toLowerCase() === passer)
  const [said] = getWithdrawals({ logs })
  if (!said) {
    throw new ChainError('unknown-transfer', `transaction ${known.txHash} on L2 withdraws nothing`)
  }
  const { timestamp } = await getBlock(l2.client, { blockNumber: receipt.blockNumber })
  const message = { ...said, withdrawalHash: said.withdrawalHash as Hash }
  const l2Block = { number: receipt.blockNumber, seconds: timestamp }
  const sent = { ...known, message, l2Block }
  const isAsNoted =
    known.message?.withdrawalHash === message.withdrawalHash &&
    known.l2Block?.number === l2Block.number
  // What was only looked at is nobody's transfer from here.
  if (transfers.find(known.txHash) && !isAsNoted) await transfers.put(sent)
  return sent
}
