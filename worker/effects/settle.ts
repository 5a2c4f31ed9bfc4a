/** `post`, `finalise`, `register`, `read-batch`: what this node does on the L2, and reads back from it. */
import { BatchHeader } from '../../protocol/batch.ts'
import type { Address } from '../../protocol/fields.ts'
import { toHex } from '../../protocol/hash.ts'
import { BatchData, headerOf } from '../../protocol/settlement.ts'
import { hashStruct } from '../../protocol/struct.ts'
import type { ChainClient } from '../chain/client.ts'
import { ChainError } from '../chain/errors.ts'
import type { Performer, Runtime } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'
import type { Logger } from '../telemetry/logger.ts'

/** The chain's log is what tells the core; a duty ends only when it has, or it would fall due again at once. */
const LOG_WAIT_MS = 60_000

/** What the contracts answer where another node was quicker. */
const DONE_ALREADY: readonly string[] = ['AlreadyPosted', 'AlreadyFinal']

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
  return async ({ number }, signal) => {
    await unlessDone(async () => {
      const { txHash } = await chain.finaliseBatch(number, signal)
      log.info({ batch: number, txHash }, 'batch final')
    })
    await runtime.until(({ batches }) => batches.get(number)?.final === true, LOG_WAIT_MS)
    return undefined
  }
}

export function performRegister(
  { runtime, chain }: SettleOptions,
  owner: Address,
): Performer<'register'> {
  return async ({ batch, receipt, proof }, signal) => {
    await chain.registerModel({ batch, receipt, proof, owner }, signal)
    await runtime.until(({ modelOwners }) => modelOwners.has(receipt.output), LOG_WAIT_MS)
    return undefined
  }
}

/** The data of a batch that others posted, where it has the roots that stand on the chain. */
export function performReadBatch(content: ContentStore): Performer<'read-batch'> {
  return async ({ header }, signal) => {
    const data = await content.get(BatchData, header.data, { signal })
    const [own, posted] = [headerOf(data), header].map((one) => toHex(hashStruct(BatchHeader, one)))
    if (own !== posted) {
      throw new StorageError('lies', `The data of batch ${header.number} has other roots.`)
    }
    return { kind: 'batch-read', number: header.number, data }
  }
}

async function unlessDone(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    const name = error instanceof ChainError ? error.revert?.name : undefined
    if (name === undefined || !DONE_ALREADY.includes(name)) throw error
  }
}
