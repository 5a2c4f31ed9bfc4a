/** A batch that settles a job, however long ago: a node's ledger lets go of old ones. */
import type { BatchHeader } from '../../protocol/batch.ts'
import { type BatchData, BatchDocument } from '../../protocol/settlement.ts'
import { readBatch } from '../chain/posted-batches.ts'
import { PageReader } from '../effects/payout-pages.ts'
import type { Service } from '../service.ts'

export interface SettledBatch {
  readonly header: BatchHeader
  readonly data: BatchData
  readonly final: boolean
}

/**
 * From the ledger, or from the chain and IPFS where that has let go of it. `undefined` where there is none, or its data is
 * not known yet. Throws `ChainError` where the chain cannot be asked, `StorageError` where nobody has the data.
 */
export async function settledBatch(
  { runtime, ownerChain, content }: Service,
  number: number,
  signal: AbortSignal,
): Promise<SettledBatch | undefined> {
  const { batches } = runtime.core.ledger
  const held = batches.get(number)
  if (held) return held.data && { header: held.header, data: held.data, final: held.final }
  // The ledger lets go of the oldest only: what is newer was taken back.
  if (number < 1 || number > batches.last) return undefined
  const posted = await readBatch(ownerChain, number, undefined, signal)
  if (!posted) return undefined
  const { header } = posted
  const document = await content.get(BatchDocument, header.data, { signal })
  return { header, data: await new PageReader(content).complete(document, signal), final: true }
}
