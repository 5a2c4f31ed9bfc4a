/** From L2 to L1, in three steps: a message on L2, its proof on L1, and, when the proof has aged, its delivery. */
import {
  concat,
  type Hex,
  keccak256,
  parseAbi,
  parseEventLogs,
  type TransactionReceipt,
} from 'viem'
import { call, getBlock, getCode } from 'viem/actions'
import {
  buildProveWithdrawal,
  finalizeWithdrawal,
  getGames,
  initiateWithdrawal,
  proveWithdrawal,
} from 'viem/op-stack'
import type { Hash } from '../../protocol/hash.ts'
import { type Bridge, type Parcel, requireCarriable } from './bridge.ts'
import { told } from './bridge-errors.ts'
import {
  isSent,
  isTaken,
  knownWithdrawal,
  placeOf,
  readyProver,
  type Sent,
  viewAfter,
  viewWithdrawal,
  type WithdrawalState,
  type WithdrawalView,
} from './bridge-withdrawal-views.ts'
import { ChainError } from './errors.ts'

const portalAbi = parseAbi([
  'event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success)',
])

const PROVEN: readonly WithdrawalState[] = ['waiting-to-finalise', 'ready-to-finalise', 'finalised']

/** Sends the message and waits until L2 has mined it. */
export async function withdraw(bridge: Bridge, parcel: Parcel): Promise<WithdrawalView> {
  const { to, valueWei: value, data, gas } = parcel
  await requireCarriable(bridge, value)
  const { l2, transfers } = bridge
  return await told('withdraw on L2', async () => {
    await requireTaken(bridge, parcel)
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
 * A withdrawal is delivered once: a value that its target refuses lies in the portal for good, and the portal takes none
 * for itself. What a call would do is not tried, as its target may ask who wrote on L2.
 */
async function requireTaken({ l1, portal }: Bridge, { to, valueWei, data }: Parcel): Promise<void> {
  const refuse = (why: string): never => {
    throw new ChainError('value-refused', `${why}, so it would be lost; name another with --to`)
  }
  if (to.toLowerCase() === portal) refuse('the portal delivers nothing to itself')
  if (valueWei === 0n || data !== '0x') return
  // Only contracts refuse.
  if ((await getCode(l1.client, { address: to })) === undefined) return
  // Where a portal keeps its coins elsewhere it has them when it delivers.
  const stateOverride = [{ address: portal, balance: valueWei }]
  const asked = { account: portal, to, value: valueWei, stateOverride }
  if (!(await isTaken(() => call(l1.client, asked)))) refuse(`${to} on L1 takes no coins`)
}

/**
 * Proves the withdrawal of that transaction on L2. Where that was done already, or is under way, nothing is sent a second
 * time. Throws `ChainError`, `too-early`, `false-games` and `reverted` among others.
 */
export async function prove(bridge: Bridge, txHash: Hash): Promise<WithdrawalView> {
  const view = await viewWithdrawal(bridge, txHash)
  if (PROVEN.includes(view.state)) return view
  if (view.state !== 'ready-to-prove' || !isSent(view)) throw cannot('proven', view)
  const { l1, targetChain } = bridge
  return await told('prove the withdrawal on L1', async () => {
    await settle(bridge, txHash, 'proveTxHash', async () => {
      const { account } = l1.client
      return await proveWithdrawal(l1.client, {
        ...(await proofOf(bridge, view)),
        ...{ targetChain, account },
      })
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
  return await told('finalise the withdrawal on L1', async () => {
    const { logs } = await settle(bridge, txHash, 'finaliseTxHash', async () => {
      const proofSubmitter = await readyProver(bridge, view)
      // The status has just told that there is one.
      if (!proofSubmitter) throw cannot('finalised', view)
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

/**
 * The proof by the newest game that claims what the L2 is. Anybody may create a game, and claim anything: another L2, or
 * one of a time to come.
 */
async function proofOf(bridge: Bridge, sent: Sent) {
  const { l1, l2, targetChain } = bridge
  const games = await getGames(l1.client, {
    targetChain,
    l2BlockNumber: await placeOf(bridge, sent),
  })
  const head = await getBlock(l2.client)
  for (const game of games) {
    if (game.l2BlockNumber > (game.usesSuperRoots ? head.timestamp : head.number)) continue
    const proof = await buildProveWithdrawal(l2.client, { game, withdrawal: sent.message })
    const { l2OutputIndex, outputRootProof, withdrawalProof, withdrawal } = proof
    // A claim about several chains at once names more than this one.
    if (game.usesSuperRoots || rootOf(outputRootProof) === game.rootClaim) {
      return { l2OutputIndex, outputRootProof, withdrawalProof, withdrawal }
    }
  }
  throw new ChainError(
    'false-games',
    `none of the ${games.length} dispute games after withdrawal ${sent.txHash} claims the L2 that ${l2.url} shows; wait for one that does, or ask another RPC`,
  )
}

function rootOf(proof: Awaited<ReturnType<typeof buildProveWithdrawal>>['outputRootProof']): Hex {
  const { version, stateRoot, messagePasserStorageRoot, latestBlockhash } = proof
  return keccak256(concat([version, stateRoot, messagePasserStorageRoot, latestBlockhash]))
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
