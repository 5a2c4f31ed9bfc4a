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
import { ChainError } from '../chain/errors.ts'
import { isPassing, sleep } from '../chain/wait.ts'
import { span } from './durations.ts'
import { short, table } from './output.ts'
import { startProgress } from './progress.ts'

/** First and longest pause between two looks, in ms, and what part of a wait a pause may be. */
const LOOK_MS = 1000
const MAX_LOOK_MS = 60_000
const PAUSE_SHARE = 0.01

const NEXT: Readonly<Record<DepositView['state'] | WithdrawalState, string>> = {
  lost: 'unknown to the chain: send it again',
  sent: 'not mined yet',
  refused: 'failed where it was sent',
  crossing: 'the L2 has yet to derive it',
  arrived: 'done',
  failed: 'its call failed on L2; a value is with its sender there',
  'waiting-to-prove': 'no dispute game covers its block yet; tributary bridge prove --wait',
  'ready-to-prove': 'tributary bridge prove',
  'waiting-to-finalise': 'its proof must age; tributary bridge finalise --wait',
  'ready-to-finalise': 'tributary bridge finalise',
  finalised: 'done',
}

const STEP = /tributary bridge (prove|finalise)/

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
    return [
      view.kind,
      view.txHash,
      valueWei === undefined ? '?' : formatOpen(valueWei),
      to === undefined ? '?' : short(to),
      view.state,
      nextOf(view),
    ]
  })
  return table(rows, ['what', 'transaction', 'value', 'to', 'state', 'next'])
}

/** What comes next, and when, as far as that can be told; of a withdrawal that is `named`, as that of its transaction. */
export function nextOf(view: DepositView | WithdrawalView, named = false): string {
  const waitSeconds = 'waitSeconds' in view ? view.waitSeconds : 0
  const next = NEXT[view.state]
  const said = named ? next.replace(STEP, `$& ${view.txHash}`) : next
  return `${said}${waitSeconds > 0 ? `, in about ${span(waitSeconds)}` : ''}`
}

/** Looks until the deposit has come to something on L2. */
export function awaitArrival(bridge: Bridge, sent: DepositView): Promise<DepositView> {
  return lookUntil(bridge, 'on the way to L2, seconds:', async () => {
    const view = await viewDeposit(bridge, sent.txHash)
    return view.state === 'crossing' || view.state === 'sent' ? { waiting: '' } : { done: view }
  })
}

/** Takes the next step of a withdrawal as soon as it waits for nothing else. */
export function whenReady(
  bridge: Bridge,
  txHash: Hash,
  step: (bridge: Bridge, txHash: Hash) => Promise<WithdrawalView>,
): Promise<WithdrawalView> {
  return lookUntil(bridge, 'waiting for L1, seconds:', async () => {
    const { state, waitSeconds } = await viewWithdrawal(bridge, txHash)
    if (state === 'sent' || state.startsWith('waiting')) {
      return { waiting: state, leftSeconds: waitSeconds ?? 0 }
    }
    try {
      return { done: await step(bridge, txHash) }
    } catch (error) {
      if (error instanceof ChainError && error.code === 'false-games') {
        return { waiting: 'no dispute game claims this L2' }
      }
      throw error
    }
  })
}

interface Waiting {
  readonly waiting: string
  readonly leftSeconds?: number
}

/** Some waits last days: they outlast a connection that is lost, and do not ask a public RPC every second. */
async function lookUntil<T>(
  { signal }: Bridge,
  label: string,
  look: () => Promise<Waiting | { readonly done: T }>,
): Promise<T> {
  const startedMs = performance.now()
  const progress = startProgress(label)
  try {
    for (;;) {
      const seen = await look().catch(troubleOf)
      if ('done' in seen) return seen.done
      const goneSeconds = Math.round((performance.now() - startedMs) / 1000)
      const leftSeconds = seen.leftSeconds ?? 0
      progress.update(goneSeconds, leftSeconds > 0 ? goneSeconds + leftSeconds : 0, seen.waiting)
      const pauseMs = PAUSE_SHARE * 1000 * Math.max(goneSeconds, leftSeconds)
      await sleep(Math.min(Math.max(pauseMs, LOOK_MS), MAX_LOOK_MS), signal)
    }
  } finally {
    progress.end()
  }
}

function troubleOf(error: unknown): Waiting {
  if (isPassing(error)) return { waiting: error.message }
  throw error
}
