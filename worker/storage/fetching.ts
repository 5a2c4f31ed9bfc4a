/**
 * A blockstore for one fetch. It never waits on one peer for ever: bitswap now and then falls silent with the connection
 * open, so after a while neighbours are asked one by one, and if none has the block, those who provide it. It stops at the
 * bytes and blocks that the manifest allows.
 */
import type { Blocks } from '@helia/interface'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { collect } from '../network/block-request.ts'
import { StorageError } from './errors.ts'

export interface Limits {
  /** Bytes of all blocks together. */
  readonly maxBytes: number
  readonly maxBlocks: number
  readonly signal: AbortSignal
  /** Called with each block as it comes. */
  readonly onBlock: (block: Block) => void
}

/**
 * How long a fetch may go without any block at the first try, and with each fresh session after. A want that is still open
 * keeps a session from asking, so it is taken back first.
 */
const FIRST_TRY_MS = 5000
const SESSION_TRY_MS = 10_000
const SESSION_TRIES = 3
/** Blocks that a fetch wants at a time: a slow line delivers each of many the later. */
export const WANTED_BLOCKS = 2

/** How a fetch goes: its blocks come one after the other over the same lines. */
interface Pace {
  /** When the newest came. */
  latestMs: number
  /** Whether a neighbour had to be asked for it. */
  isAsked: boolean
}

/** Asks neighbours for a block, one by one. @returns undefined where none gives it */
export type Ask = (cid: CID, signal: AbortSignal) => Promise<Uint8Array | undefined>

/** Where blocks come from. */
export interface Sources {
  readonly blocks: Blocks
  readonly ask: Ask
}

export function fetching(
  sources: Sources,
  root: CID,
  limits: Limits,
): Pick<Blockstore, 'get' | 'put' | 'has'> {
  let bytes = 0
  let count = 0
  const { blocks } = sources
  const pace = { latestMs: 0, isAsked: false }
  return {
    put: (cid, block) => blocks.put(cid, block),
    has: (cid) => blocks.has(cid),
    get: async function* (cid) {
      const block = await fetchBlock(sources, root, cid, limits.signal, pace)
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
  sources: Sources,
  root: CID,
  cid: CID,
  stop: AbortSignal,
  pace: Pace = { latestMs: 0, isAsked: false },
): Promise<Uint8Array> {
  const { blocks } = sources
  const done = (block: Uint8Array): Uint8Array => {
    pace.latestMs = performance.now()
    return block
  }
  // Where bitswap was silent for one block it is for the next.
  const early = pace.isAsked ? await asked(sources, cid, stop) : undefined
  if (early) return done(early)
  let last: unknown
  for (let attempt = 0; attempt <= SESSION_TRIES && !stop.aborted; attempt++) {
    const stall = new Stall(pace, attempt === 0 ? FIRST_TRY_MS : SESSION_TRY_MS)
    const signal = AbortSignal.any([stop, stall.signal])
    try {
      return done(
        await (attempt === 0
          ? collect(blocks.get(cid, { signal }))
          : fromSession(blocks, root, cid, signal)),
      )
    } catch (error) {
      last = error
    } finally {
      stall.end()
    }
    const block = await asked(sources, cid, stop)
    pace.isAsked = block !== undefined
    if (block) return done(block)
  }
  stop.throwIfAborted()
  throw new StorageError('stalled', `No peer delivered block ${cid} in time.`, { cause: last })
}

/** What a neighbour gives is kept, as bitswap keeps what it brings. */
async function asked(
  { blocks, ask }: Sources,
  cid: CID,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (signal.aborted) return undefined
  if (await blocks.has(cid)) return collect(blocks.get(cid))
  const block = await ask(cid, signal)
  if (block) await blocks.put(cid, block)
  return block
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

/** Ends a try when no block of the fetch at all has come for so long. */
class Stall {
  readonly #ended = new AbortController()
  readonly #pace: Pace
  readonly #waitMs: number
  readonly #sinceMs = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(pace: Pace, waitMs: number) {
    this.#pace = pace
    this.#waitMs = waitMs
    this.#look()
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #look(): void {
    const quietMs = performance.now() - Math.max(this.#sinceMs, this.#pace.latestMs)
    const leftMs = this.#waitMs - quietMs
    if (leftMs <= 0) this.#ended.abort(new Error(`no block came for ${this.#waitMs} ms`))
    else this.#timer = setTimeout(() => this.#look(), leftMs)
  }
}
