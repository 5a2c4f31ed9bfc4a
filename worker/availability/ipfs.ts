/** Data as a block in IPFS: the reference is its content id, the same that the document has everywhere else. */
import { type Block, blockOf } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import type { FetchOptions } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'
import { contentId } from '../storage/file-tree.ts'
import { type Availability, parseReference } from './availability.ts'
import { AvailabilityError } from './errors.ts'

/** The part of the content store that is asked; what is kept there is kept for good, so keeping is pinning. */
interface Blocks {
  keep(block: Block): Promise<Cid>
  bytes(cid: Cid, options: FetchOptions): Promise<Uint8Array>
}

/** Larger blocks pass bitswap badly; a batch's data is one document below that. */
const MAX_BYTES = LEAF_BYTES

export function ipfsAvailability(blocks: Blocks): Availability {
  return {
    name: 'ipfs',
    put: async (bytes, signal) => {
      signal.throwIfAborted()
      if (bytes.length <= MAX_BYTES) return blocks.keep(blockOf(bytes))
      const sizes = `${bytes.length} bytes; a block in IPFS takes ${MAX_BYTES}`
      throw new AvailabilityError('too-large', `The data has ${sizes}: settle fewer jobs a batch.`)
    },
    get: (reference, signal) => fetchContent(blocks, reference, signal),
  }
}

async function fetchContent(
  blocks: Blocks,
  reference: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const parsed = parseReference(reference)
  if (parsed.layer !== 'ipfs' || !isContentId(parsed.cid)) {
    throw new AvailabilityError('bad-reference', `${reference.slice(0, 60)} is no content id.`)
  }
  try {
    return await blocks.bytes(parsed.cid, { signal })
  } catch (cause) {
    if (!(cause instanceof StorageError) || cause.code === 'unwritable') throw cause
    const message = `No peer delivered ${reference}; it may come back with a node that has it, so ask again later.`
    throw new AvailabilityError('missing', message, { cause })
  }
}

function isContentId(text: Cid): boolean {
  try {
    contentId(text)
    return true
  } catch {
    return false
  }
}
