/** A batch that settles a job, however long ago: a node's ledger lets go of old ones. */
import type { BatchHeader } from '../../protocol/batch.ts'
import { type BatchData, BatchDocument } from '../../protocol/settlement.ts'
import { readBatch } from '../chain/posted-batches.ts'
import { PageReader } from '../effects/payout-pages.ts'
import type { Service } from '../service.ts'

interface Settled<T> {
  readonly header: BatchHeader
  readonly data: T
  readonly final: boolean
}

/**
 * From the ledger, or from the chain and IPFS where that has let go of it. `undefined` where there is none, or its data is
 * not known yet. Throws `ChainError` where the chain cannot be asked, `StorageError` where nobody has the data.
 */
export async function settledBatch(
  service: Service,
  number: number,
  signal: AbortSignal,
): Promise<Settled<BatchData> | undefined> {
  const held = heldBatch(service, number)
  if (held) return held
  const found = await postedBatch(service, number, signal)
  if (!found) return undefined
  return { ...found, data: await new PageReader(service.content).complete(found.data, signal) }
}

/** The same without its payouts: these lie on thousands of pages, of which old ones are kept by nobody. */
export async function settledReceipts(
  service: Service,
  number: number,
  signal: AbortSignal,
): Promise<Settled<Pick<BatchData, 'receipts'>> | undefined> {
  return heldBatch(service, number) ?? (await postedBatch(service, number, signal))
}

function heldBatch({ runtime }: Service, number: number): Settled<BatchData> | undefined {
  const held = runtime.core.ledger.batches.get(number)
  return held?.data && { header: held.header, data: held.data, final: held.final }
}

async function postedBatch(
  { runtime, ownerChain, content }: Service,
  number: number,
  signal: AbortSignal,
): Promise<Settled<BatchDocument> | undefined> {
  const { batches } = runtime.core.ledger
  // The ledger lets go of the oldest only: what is newer was taken back.
  if (batches.has(number) || number < 1 || number > batches.last) return undefined
  const posted = await readBatch(ownerChain, number, undefined, signal)
  if (!posted) return undefined
  const { header } = posted
  return { header, data: await content.get(BatchDocument, header.data, { signal }), final: true }
}
