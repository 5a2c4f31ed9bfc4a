/** `offer`, `retrieve`, `read-batch`: where the data behind a batch is put, and where it is found again. */
import { type BatchHeader, headerHash } from '../../protocol/batch.ts'
import { blockOf } from '../../protocol/document.ts'
import { BatchDocument, blockOfBatch, documentOf, headerOf } from '../../protocol/settlement.ts'
import type { Availability } from '../availability/availability.ts'
import { AvailabilityError } from '../availability/errors.ts'
import { readAny } from '../availability/read.ts'
import type { Performer } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'
import { PageReader } from './payout-pages.ts'

/** Keeps the data of a batch to come, hands it to the availability layer, and says in the proposal where it lies besides. */
export function performOffer(
  content: ContentStore,
  availability: Availability,
): Performer<'offer'> {
  return async ({ proposal, data }, signal) => {
    const cid = await content.put(BatchDocument, documentOf(data), 'a-month')
    const reference = await availability.put(blockOfBatch(data).bytes, signal)
    // Under its content id everyone finds it anyway.
    const besides = reference === cid ? '' : reference
    return { kind: 'offered', proposal: { ...proposal, availability: besides } }
  }
}

/** Fetches the data of a proposed batch from just where the proposal says: nobody stands for what others cannot get. */
export function performRetrieve(availability: Availability): Performer<'retrieve'> {
  return async ({ header, headerHash: hash }, signal) => {
    await readAny(availability, [header.availability], named(header), signal)
    return { kind: 'retrieved', header: hash }
  }
}

/** The data of a batch that others posted, where it has the roots that stand on the chain. */
export function performReadBatch(
  availability: Availability,
  content: ContentStore,
): Performer<'read-batch'> {
  const pages = new PageReader(content)
  return async ({ header }, signal) => {
    const references = [header.data, header.availability].filter((text) => text !== '')
    const document = await readAny(availability, references, named(header), signal)
    const data = await pages.complete(document, signal)
    const own = headerOf(data, header.availability)
    if (headerHash(own) === headerHash(header))
      return { kind: 'batch-read', number: header.number, data }
    const message = `What lies under ${header.data} is not the data of batch ${header.number}.`
    throw new AvailabilityError('malformed', message)
  }
}

/** The document in these bytes, where it is the one that the header names. */
function named({ data }: BatchHeader): (bytes: Uint8Array) => BatchDocument | undefined {
  return (bytes) => {
    if (blockOf(bytes).cid !== data) return undefined
    const decoded = BatchDocument.decode(bytes)
    return decoded.ok ? decoded.value : undefined
  }
}
