/** `offer`, `retrieve`, `read-batch`: where the data behind a batch is put, and where it is found again. */
import { headerHash } from '../../coordinator-free/settlement.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import { BatchData, headerOf } from '../../protocol/settlement.ts'
import type { Performer } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'

/** Keeps the data of a batch to come, and says in the proposal where it lies besides. */
export function performOffer(content: ContentStore): Performer<'offer'> {
  return async ({ proposal, data }) => {
    await content.put(BatchData, data)
    return { kind: 'offered', proposal }
  }
}

/** Fetches the data of a proposed batch from where the proposal says. */
export function performRetrieve(content: ContentStore): Performer<'retrieve'> {
  return async ({ header, headerHash }, signal) => {
    await readData(content, header, signal)
    return { kind: 'retrieved', header: headerHash }
  }
}

/** The data of a batch that others posted, where it has the roots that stand on the chain. */
export function performReadBatch(content: ContentStore): Performer<'read-batch'> {
  return async ({ header }, signal) => {
    const data = await readData(content, header, signal)
    return { kind: 'batch-read', number: header.number, data }
  }
}

async function readData(
  content: ContentStore,
  header: BatchHeader,
  signal: AbortSignal,
): Promise<BatchData> {
  const data = await content.get(BatchData, header.data, { signal })
  if (headerHash(headerOf(data, header.availability)) !== headerHash(header)) {
    throw new StorageError('lies', `The data of batch ${header.number} has other roots.`)
  }
  return data
}
