/** How `tributary bridge` shows transfers, and the waits between their steps. */
import type { Hash } from '../../protocol/hash.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import type { Bridge } from '../chain/bridge.ts'
import { type DepositView, viewDeposit } from '../chain/bridge-deposits.ts'
import type { Transfer } from '../chain/bridge-transfers.ts'
import {
  viewWithdrawal,
  type WithdrawalState,
  type WithdrawalView,
} from '../chain/bridge-withdrawal-views.ts'
import { sleep } from '../chain/wait.ts'
import { short, table } from './output.ts'
import { startProgress } from './progress.ts'

/** Not more often than blocks come, and often enough that a bar seems alive, in ms. */
const LOOK_MS = 1000

const NEXT: Readonly<Record<DepositView['state'] | WithdrawalState, string>> = {
  lost: 'unknown to the chain: send it again',
  sent: 'not mined yet',
  refused: 'failed where it was sent',
  crossing: 'the L2 has yet to derive it',
  arrived: 'done',
  failed: 'its call failed on L2; a value is there',
  'waiting-to-prove': 'no dispute game covers its block yet',
  'ready-to-prove': 'tributary bridge prove',
  'waiting-to-finalise': 'its proof must age',
  'ready-to-finalise': 'tributary bridge finalise',
  finalised: 'done',
}

export function viewTransfer(
  bridge: Bridge,
  transfer: Transfer,
): Promise<DepositView | WithdrawalView> {
  return transfer.kind === 'deposit'
    ? viewDeposit(bridge, transfer.txHash)
    : viewWithdrawal(bridge, transfer.txHash)
}

export function transfersTable(views: readonly (DepositView | WithdrawalView)[]): string {
  const rows = views.map((view) => {
    const valueWei = view.kind === 'deposit' ? view.valueWei : view.message?.value
    const to = view.kind === 'deposit' ? view.to : view.message?.target
    const left =
      'waitSeconds' in view && view.waitSeconds > 0 ? ` (about ${view.waitSeconds} s)` : ''
    return [
      view.kind,
      short(view.txHash),
      valueWei === undefined ? '?' : formatOpen(valueWei),
      to === undefined ? '?' : short(to),
      view.state,
      `${NEXT[view.state]}${left}`,
    ]
  })
  return table(rows, ['what', 'transaction', 'value', 'to', 'state', 'next'])
}

/** Looks until the deposit has come to something on L2. */
export async function awaitArrival(bridge: Bridge, sent: DepositView): Promise<DepositView> {
  const wait = startWait('on the way to L2, seconds:')
  try {
    for (let view = sent; ; view = await viewDeposit(bridge, sent.txHash)) {
      if (view.state !== 'crossing' && view.state !== 'sent') return view
      wait.update(0)
      await sleep(LOOK_MS, bridge.signal)
    }
  } finally {
    wait.end()
  }
}

/** Looks until the withdrawal waits for nothing but a transaction. */
export async function awaitReady(bridge: Bridge, txHash: Hash): Promise<void> {
  const wait = startWait('waiting for L1, seconds:')
  try {
    for (;;) {
      const view = await viewWithdrawal(bridge, txHash)
      if (view.state !== 'sent' && !view.state.startsWith('waiting')) return
      wait.update(view.waitSeconds ?? 0, view.state)
      await sleep(LOOK_MS, bridge.signal)
    }
  } finally {
    wait.end()
  }
}

/** A bar of seconds: those that went by, of those and what is left where that can be told. */
function startWait(label: string) {
  const startedMs = performance.now()
  const progress = startProgress(label)
  return {
    update: (leftSeconds: number, detail = '') => {
      const gone = Math.round((performance.now() - startedMs) / 1000)
      progress.update(gone, leftSeconds > 0 ? gone + leftSeconds : 0, detail)
    },
    end: () => progress.end(),
  }
}
