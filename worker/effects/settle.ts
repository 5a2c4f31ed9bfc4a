/** `post`, `finalise`, `accuse`, `take-back`, `give-back`, `register`: what this node does on the L2. */
import { headerHash } from '../../protocol/batch.ts'
import type { Address } from '../../protocol/fields.ts'
import { giveBackCall, takeBackCall } from '../chain/calls.ts'
import type { ChainClient } from '../chain/client.ts'
import { contradictionCall } from '../chain/dispute-calls.ts'
import { ChainError } from '../chain/errors.ts'
import type { Performer, Runtime } from '../runtime.ts'
import type { Logger } from '../telemetry/logger.ts'

/** The chain's log is what tells the core; a duty ends only when it has, or it would fall due again at once. */
export const LOG_WAIT_MS = 60_000

/** What the contracts answer where another node was quicker. */
const DONE_ALREADY: readonly string[] = [
  'AlreadyPosted',
  'AlreadyFinal',
  'NotFaulty',
  'NothingOwed',
  'AlreadyPunished',
  'NotDemanded',
  'AlreadyInDispute',
  'NotAt',
  'AlreadyCommitted',
  'AlreadyRevealed',
]

export interface SettleOptions {
  readonly runtime: Runtime
  readonly chain: ChainClient
  readonly log: Logger
}

export function performPost({ runtime, chain, log }: SettleOptions): Performer<'post'> {
  return async ({ header, endorsements, charges }, signal) => {
    await unlessDone(async () => {
      const { txHash, gasUsed } = await chain.postBatch({ header, endorsements, charges }, signal)
      log.info({ batch: header.number, txHash, gasUsed: `${gasUsed}` }, 'batch posted')
    })
    await runtime.until(({ batches }) => batches.has(header.number), LOG_WAIT_MS)
    return undefined
  }
}

export function performFinalise({ runtime, chain, log }: SettleOptions): Performer<'finalise'> {
  return async ({ headers }, signal) => {
    const last = headers.at(-1)!.number
    await unlessDone(async () => {
      const { txHash } = await chain.finaliseBatches(headers, signal)
      log.info({ batches: headers.map(({ number }) => number), txHash }, 'batches final')
    })
    await runtime.until(({ batches }) => batches.get(last)?.final === true, LOG_WAIT_MS)
    return undefined
  }
}

export function performTakeBack({ runtime, chain, log }: SettleOptions): Performer<'take-back'> {
  return async ({ header, previous }, signal) => {
    await unlessDone(async () => {
      const { txHash } = await chain.write(takeBackCall(header, previous), signal)
      log.warn({ batch: header.number, txHash }, 'false batch taken back')
    })
    await runtime.until(({ batches }) => batches.get(header.number)?.header !== header, LOG_WAIT_MS)
    return undefined
  }
}

export function performGiveBack({ runtime, chain, log }: SettleOptions): Performer<'give-back'> {
  return async ({ header, charges }, signal) => {
    await unlessDone(async () => {
      const { txHash } = await chain.write(giveBackCall(header, charges), signal)
      log.info({ batch: header.number, txHash }, 'charges given back')
    })
    await runtime.until(({ voided }) => !voided.has(headerHash(header)), LOG_WAIT_MS)
    return undefined
  }
}

/** Reports who contradicted itself. Another may have been quicker; and what no contract judges is let be. */
export function performAccuse({ chain, log }: SettleOptions): Performer<'accuse'> {
  return async ({ slot, said }, signal) => {
    const call = contradictionCall(said)
    if (call) {
      await unlessDone(async () => {
        const { txHash } = await chain.write(call, signal)
        log.warn({ slot, txHash }, 'contradiction reported')
      })
    }
    return { kind: 'accused', slot }
  }
}

export function performRegister(
  { runtime, chain }: SettleOptions,
  owner: Address,
): Performer<'register'> {
  return async ({ header, receipt, proof }, signal) => {
    const parents = receipt.adapter === '' ? [] : [receipt.adapter]
    await chain.registerModel({ header, receipt, proof, owner, parents }, signal)
    await runtime.until(({ models }) => models.has(receipt.output), LOG_WAIT_MS)
    return undefined
  }
}

/** Writes, unless the contract answers that another has done it. */
export async function unlessDone(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    const name = error instanceof ChainError ? error.revert?.name : undefined
    if (name === undefined || !DONE_ALREADY.includes(name)) throw error
  }
}
