/** From L1 to L2: one transaction on L1, which the L2 then derives another from. */
import { depositTransaction, getL2TransactionHashes } from 'viem/op-stack'
import type { Hash } from '../../protocol/hash.ts'
import { type Bridge, type Parcel, requireCarriable } from './bridge.ts'
import { told } from './bridge-errors.ts'
import type { Deposit } from './bridge-transfers.ts'
import { ChainError } from './errors.ts'

/**
 * `lost`: the L1 knows nothing of it. `sent`: not mined yet. `refused`: it failed on L1. `crossing`: it is on L1, and the
 * L2 has not derived it yet. `failed`: what it was to do on L2 failed; a value that came with it is there.
 */
export type DepositState = 'lost' | 'sent' | 'refused' | 'crossing' | 'arrived' | 'failed'

export interface DepositView extends Deposit {
  readonly state: DepositState
}

/** Sends it and waits until L1 has mined it. Throws `ChainError`, `value-refused` and `reverted` among others. */
export async function deposit(bridge: Bridge, parcel: Parcel): Promise<DepositView> {
  const { to, valueWei, data, gas } = parcel
  await requireCarriable(bridge, valueWei)
  const { l1, transfers, targetChain } = bridge
  return await told('deposit on L1', async () => {
    const txHash = await l1.write(
      {
        remember: (hash) => transfers.put({ kind: 'deposit', txHash: hash as Hash, to, valueWei }),
        undo: (hash) => transfers.remove(hash),
      },
      () =>
        depositTransaction(l1.client, {
          targetChain,
          account: l1.client.account,
          request: { to, data, gas, mint: valueWei, value: valueWei },
        }),
    )
    await l1.mined(txHash)
    const view = await viewDeposit(bridge, txHash as Hash)
    if (view.state !== 'refused') return view
    throw new ChainError('reverted', `the portal refused the deposit ${txHash}`)
  })
}

/** What became of it. Keeps the hash on L2 once it follows from the L1. */
export async function viewDeposit(bridge: Bridge, txHash: Hash): Promise<DepositView> {
  const known = bridge.transfers.find(txHash)
  if (known?.kind !== 'deposit') {
    throw new ChainError('unknown-transfer', `no deposit ${txHash} was sent from here`)
  }
  return await told('look for the deposit', async () => {
    const { l1, l2, transfers, portal } = bridge
    const receipt = await l1.receipt(known.txHash)
    if (!receipt) return { ...known, state: (await l1.knows(known.txHash)) ? 'sent' : 'lost' }
    if (receipt.status !== 'success') return { ...known, state: 'refused' }
    const logs = receipt.logs.filter(({ address }) => address.toLowerCase() === portal)
    // Anew each time: should the L1 mine it again in another block, it has another hash on L2.
    const l2TxHash = getL2TransactionHashes({ logs })[0] as Hash | undefined
    if (l2TxHash === undefined) return { ...known, state: 'refused' }
    if (known.l2TxHash !== l2TxHash) await transfers.put({ ...known, l2TxHash })
    const arrived = await l2.receipt(l2TxHash)
    if (!arrived) return { ...known, l2TxHash, state: 'crossing' }
    return { ...known, l2TxHash, state: arrived.status === 'success' ? 'arrived' : 'failed' }
  })
}
