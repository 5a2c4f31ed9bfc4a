/** From L2 to L1, in three steps: a message on L2, its proof on L1, and, when the proof has aged, its delivery. */
import { type Hex, parseAbi, parseEventLogs, type TransactionReceipt } from 'viem'
import { readContract } from 'viem/actions'
import {
  buildProveWithdrawal,
  finalizeWithdrawal,
  getGame,
  initiateWithdrawal,
  proveWithdrawal,
} from 'viem/op-stack'
import type { Hash } from '../../protocol/hash.ts'
import { type Bridge, type Parcel, requireCarriable } from './bridge.ts'
import { told } from './bridge-errors.ts'
import {
  isSent,
  knownWithdrawal,
  placeOf,
  type Sent,
  viewAfter,
  viewWithdrawal,
  type WithdrawalState,
  type WithdrawalView,
} from './bridge-withdrawal-views.ts'
import { ChainError } from './errors.ts'

const portalAbi = parseAbi([
  'function numProofSubmitters(bytes32 withdrawalHash) view returns (uint256)',
  'function proofSubmitters(bytes32 withdrawalHash, uint256 index) view returns (address)',
  'event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success)',
])

const PROVEN: readonly WithdrawalState[] = ['waiting-to-finalise', 'ready-to-finalise', 'finalised']

/** Sends the message and waits until L2 has mined it. */
export async function withdraw(bridge: Bridge, parcel: Parcel): Promise<WithdrawalView> {
  const { to, valueWei: value, data, gas } = parcel
  await requireCarriable(bridge, value)
  const { l2, transfers } = bridge
  return await told('withdraw', async () => {
    const { account } = l2.client
    const reminder = {
      remember: (hash: Hex) => transfers.put({ kind: 'withdrawal', txHash: hash as Hash }),
      undo: (hash: Hex) => transfers.remove(hash),
    }
    const request = { to, value, data, gas }
    const txHash = await l2.write(reminder, () =>
      initiateWithdrawal(l2.client, { account, request }),
    )
    await l2.mined(txHash)
    const view = await viewWithdrawal(bridge, txHash as Hash)
    if (view.state !== 'refused') return view
    throw new ChainError('reverted', `the L2 refused the withdrawal ${txHash}`)
  })
}

/**
 * Proves the withdrawal of that transaction on L2. Where that was done already, or is under way, nothing is sent a second
 * time. Throws `ChainError`, `too-early` and `reverted` among others.
 */
export async function prove(bridge: Bridge, txHash: Hash): Promise<WithdrawalView> {
  const view = await viewWithdrawal(bridge, txHash)
  if (PROVEN.includes(view.state)) return view
  if (view.state !== 'ready-to-prove' || !isSent(view)) throw cannot('proven', view)
  const { l1, l2, targetChain } = bridge
  return await told('prove the withdrawal', async () => {
    await settle(bridge, txHash, 'proveTxHash', async () => {
      const l2BlockNumber = await placeOf(bridge, view)
      const game = await getGame(l1.client, { targetChain, l2BlockNumber })
      const proof = await buildProveWithdrawal(l2.client, { game, withdrawal: view.message })
      const { l2OutputIndex, outputRootProof, withdrawalProof, withdrawal } = proof
      const { account } = l1.client
      const args = { l2OutputIndex, outputRootProof, withdrawalProof, withdrawal }
      return await proveWithdrawal(l1.client, { targetChain, account, ...args })
    })
    return await viewAfter(bridge, view)
  })
}

/** Delivers it on L1, in the same way. */
export async function finalise(bridge: Bridge, txHash: Hash): Promise<WithdrawalView> {
  const view = await viewWithdrawal(bridge, txHash)
  if (view.state === 'finalised') return view
  if (view.state !== 'ready-to-finalise' || !isSent(view)) throw cannot('finalised', view)
  const { l1, targetChain, portal } = bridge
  return await told('finalise the withdrawal', async () => {
    const { logs } = await settle(bridge, txHash, 'finaliseTxHash', async () => {
      const proofSubmitter = await lastProver(bridge, view)
      const { account } = l1.client
      const args = { withdrawal: view.message, proofSubmitter }
      return await finalizeWithdrawal(l1.client, { targetChain, account, ...args })
    })
    const said = parseEventLogs({
      abi: portalAbi,
      eventName: 'WithdrawalFinalized',
      logs: logs.filter(({ address }) => address.toLowerCase() === portal),
    })
    if (said[0]?.args.success) return await viewAfter(bridge, view)
    throw new ChainError(
      'reverted',
      `the withdrawal ${txHash} is delivered, and for good, but ${view.message.target} refused it`,
    )
  })
}

/** Waits for the step's transaction, sending it where none is under way. */
async function settle(
  bridge: Bridge,
  txHash: Hash,
  step: 'proveTxHash' | 'finaliseTxHash',
  send: () => Promise<Hex>,
): Promise<TransactionReceipt> {
  const { l1, transfers } = bridge
  const known = knownWithdrawal(bridge, txHash)
  const before = known[step]
  const isUnderWay = before !== undefined && !(await l1.receipt(before)) && (await l1.knows(before))
  const reminder = {
    remember: (hash: Hex) => transfers.put({ ...known, [step]: hash as Hash }),
    undo: () => transfers.put(known),
  }
  const hash = isUnderWay ? before : await l1.write(reminder, send)
  const receipt = await l1.mined(hash)
  if (receipt.status === 'success') return receipt
  throw new ChainError('reverted', `the portal refused transaction ${hash}; look at the status`)
}

/** Whoever's proof the status speaks of. */
async function lastProver({ l1, portal }: Bridge, { message: { withdrawalHash } }: Sent) {
  const contract = { address: portal, abi: portalAbi } as const
  const count = await readContract(l1.client, {
    ...contract,
    functionName: 'numProofSubmitters',
    args: [withdrawalHash],
  })
  return await readContract(l1.client, {
    ...contract,
    functionName: 'proofSubmitters',
    args: [withdrawalHash, count - 1n],
  })
}

function cannot(be: string, { state, waitSeconds = 0, txHash }: WithdrawalView): ChainError {
  if (state === 'lost' || state === 'refused') {
    const what = state === 'lost' ? 'is unknown to the L2' : 'failed on the L2'
    return new ChainError('unknown-transfer', `transaction ${txHash} ${what}: it cannot be ${be}`)
  }
  const about = waitSeconds > 0 ? `, for about ${waitSeconds} s` : ''
  const next = state === 'ready-to-prove' ? 'Prove it first' : 'With --wait, this waits for it'
  return new ChainError(
    'too-early',
    `withdrawal ${txHash} is ${state}${about}: it cannot be ${be} yet. ${next}`,
  )
}
