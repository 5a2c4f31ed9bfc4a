/** `offer`, `retrieve`, `read-batch`: where the data behind a batch is put, and where it is found again. */
import { type BatchHeader, headerHash } from '../../protocol/batch.ts'
import { BatchData, blockOfBatch, headerOf } from '../../protocol/settlement.ts'
import type { Availability } from '../availability/availability.ts'
import { readAny } from '../availability/read.ts'
import type { Performer } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'

/** Keeps the data of a batch to come, hands it to the availability layer, and says in the proposal where it lies besides. */
export function performOffer(
  content: ContentStore,
  availability: Availability,
): Performer<'offer'> {
  return async ({ proposal, data }, signal) => {
    const cid = await content.put(BatchData, data, 'a-month')
    const reference = await availability.put(blockOfBatch(data).bytes, signal)
    // Under its content id everyone finds it anyway.
    const besides = reference === cid ? '' : reference
    return { kind: 'offered', proposal: { ...proposal, availability: besides } }
  }
}

/** Fetches the data of a proposed batch from just where the proposal says: nobody stands for what others cannot get. */
export function performRetrieve(availability: Availability): Performer<'retrieve'> {
  return async ({ header, headerHash: hash }, signal) => {
    await readAny(availability, [header.availability], dataOf(header), signal)
    return { kind: 'retrieved', header: hash }
  }
}

/** The data of a batch that others posted, where it has the roots that stand on the chain. */
export function performReadBatch(availability: Availability): Performer<'read-batch'> {
  return async ({ header }, signal) => {
    const references = [header.data, header.availability].filter((text) => text !== '')
    const data = await readAny(availability, references, dataOf(header), signal)
    return { kind: 'batch-read', number: header.number, data }
  }
}

/** The data in these bytes, where it leads to this header. */
function dataOf(header: BatchHeader): (bytes: Uint8Array) => BatchData | undefined {
  return (bytes) => {
    const decoded = BatchData.decode(bytes)
    if (!decoded.ok) return undefined
    const own = headerOf(decoded.value, header.availability)
    return headerHash(own) === headerHash(header) ? decoded.value : undefined
  }
}
