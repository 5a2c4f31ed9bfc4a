/**
 * A blockstore for one fetch. It never waits on one peer for ever (bitswap now and then falls silent with the connection
 * open, and a fresh session gets the block), and it stops at the bytes and blocks that the manifest allows.
 */
import type { Blocks } from '@helia/interface'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { StorageError } from './errors.ts'

export interface Limits {
  /** Bytes of all blocks together. */
  readonly maxBytes: number
  readonly maxBlocks: number
  readonly signal: AbortSignal
  /** Called with each block as it comes. */
  readonly onBlock: (block: Block) => void
}

/** How long a block may take at the first try, and with each fresh session after. */
const FIRST_TRY_MS = 4000
const SESSION_TRY_MS = 10_000
const SESSION_TRIES = 3

export function fetching(
  blocks: Blocks,
  root: CID,
  limits: Limits,
): Pick<Blockstore, 'get' | 'put' | 'has'> {
  let bytes = 0
  let count = 0
  return {
    put: (cid, block) => blocks.put(cid, block),
    has: (cid) => blocks.has(cid),
    get: async function* (cid) {
      const block = await fetchBlock(blocks, root, cid, limits.signal)
      bytes += block.length
      count += 1
      if (bytes > limits.maxBytes || count > limits.maxBlocks) {
        throw new StorageError(
          'lies',
          `${root} is larger than it was said to be: more than ${limits.maxBytes} bytes or ${limits.maxBlocks} blocks. The fetch was stopped.`,
        )
      }
      limits.onBlock({ cid: cid.toString() as Cid, bytes: block })
      yield block
    },
  }
}

/** One block, from here or from any peer. @throws StorageError `stalled` where nobody delivers it in time. */
export async function fetchBlock(
  blocks: Blocks,
  root: CID,
  cid: CID,
  stop: AbortSignal,
): Promise<Uint8Array> {
  const within = (ms: number): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(ms)])
  let last: unknown
  try {
    return await collect(blocks.get(cid, { signal: within(FIRST_TRY_MS) }))
  } catch (error) {
    last = error
  }
  for (let attempt = 0; attempt < SESSION_TRIES && !stop.aborted; attempt++) {
    const signal = within(SESSION_TRY_MS)
    const session = blocks.createSession(root, { signal })
    try {
      return await collect(session.get(cid, { signal }))
    } catch (error) {
      last = error
    } finally {
      session.close()
    }
  }
  stop.throwIfAborted()
  throw new StorageError('stalled', `No peer delivered block ${cid} in time.`, { cause: last })
}

async function collect(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array> {
  const held: Uint8Array[] = []
  for await (const part of parts) held.push(part)
  return held.length === 1 ? held[0]! : Buffer.concat(held)
}
