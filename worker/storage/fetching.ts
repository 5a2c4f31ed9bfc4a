/**
 * A blockstore for one fetch. It never waits on one peer for ever (bitswap now and then falls silent with the connection
 * open, and a fresh session gets the block), and it stops at the bytes and blocks that the manifest allows.
 */
import type { Blocks } from '@helia/interface'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { sleep } from '../sleep.ts'
import { StorageError } from './errors.ts'

export interface Limits {
  /** Bytes of all blocks together. */
  readonly maxBytes: number
  readonly maxBlocks: number
  readonly signal: AbortSignal
  /** Called with each block as it comes. */
  readonly onBlock: (block: Block) => void
}

/** A block is wanted of all neighbours at once; when a fetch has gone so long without any block, a fresh session asks too. */
const SESSIONS_AFTER_MS = [4000, 12_000, 28_000]
/** A fetch without any block for this long is given up: a slow line may well take half a minute for some of a megabyte. */
const QUIET_MS = 45_000
/** Blocks that a fetch wants at a time: a slow line delivers each of many the later. */
export const WANTED_BLOCKS = 4

/** When the newest block of a fetch came: its blocks come one after the other over the same lines. */
interface Pace {
  latestMs: number
}

export function fetching(
  blocks: Blocks,
  root: CID,
  limits: Limits,
): Pick<Blockstore, 'get' | 'put' | 'has'> {
  let bytes = 0
  let count = 0
  const pace = { latestMs: 0 }
  return {
    put: (cid, block) => blocks.put(cid, block),
    has: (cid) => blocks.has(cid),
    get: async function* (cid) {
      const block = await fetchBlock(blocks, root, cid, limits.signal, pace)
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

/**
 * One block, from here or from any peer. What was wanted first stays wanted while others are asked: on a slow line the block
 * may well be on its way.
 * @throws StorageError `stalled` where nobody delivers it in time.
 */
export async function fetchBlock(
  blocks: Blocks,
  root: CID,
  cid: CID,
  stop: AbortSignal,
  pace: Pace = { latestMs: 0 },
): Promise<Uint8Array> {
  const over = new AbortController()
  const signal = AbortSignal.any([stop, over.signal])
  const startMs = performance.now()
  /** Resolves when the fetch has had no block for so long. */
  const quiet = async (ms: number): Promise<void> => {
    for (;;) {
      const leftMs = Math.max(startMs, pace.latestMs) + ms - performance.now()
      if (leftMs <= 0) return
      await sleep(leftMs, signal)
    }
  }
  const tries = [
    collect(blocks.get(cid, { signal })),
    ...SESSIONS_AFTER_MS.map(async (ms) => {
      await quiet(ms)
      return fromSession(blocks, root, cid, signal)
    }),
  ]
  const late = quiet(QUIET_MS).then(() => {
    throw new StorageError('stalled', `No peer delivered block ${cid} in time.`)
  })
  try {
    const block = await Promise.race([Promise.any(tries), late])
    pace.latestMs = performance.now()
    return block
  } catch (error) {
    stop.throwIfAborted()
    if (error instanceof StorageError) throw error
    throw new StorageError('stalled', `No peer delivered block ${cid}.`, { cause: error })
  } finally {
    over.abort()
    for (const one of [...tries, late]) one.catch(() => {})
  }
}

async function fromSession(
  blocks: Blocks,
  root: CID,
  cid: CID,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const session = blocks.createSession(root, { signal })
  try {
    return await collect(session.get(cid, { signal }))
  } finally {
    session.close()
  }
}

async function collect(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array> {
  const held: Uint8Array[] = []
  for await (const part of parts) held.push(part)
  return held.length === 1 ? held[0]! : Buffer.concat(held)
}
