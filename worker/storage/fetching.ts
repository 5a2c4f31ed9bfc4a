/**
 * A blockstore for one fetch. Bitswap finds the first block, and neighbours hand over the others. It never waits on one peer
 * for ever: bitswap now and then falls silent with the connection open, so after a while neighbours are asked straight, and if
 * none has the block, those who provide it; and as who provides it can be kept secret by those who have pressed in around its
 * id, whoever else is known. It stops at the bytes and blocks that the manifest allows.
 */
import type { Blocks } from '@helia/interface'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { collect } from '../network/block-request.ts'
import { StorageError } from './errors.ts'
import { requireSha256 } from './file-tree.ts'
import { bounded, type Room } from './room.ts'

export interface Limits extends Room {
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
  /** When the newest came; 0 before the first. */
  latestMs: number
  /**
   * Bitswap asks all neighbours at once, which finds who has the first block; but it cannot tell a slow line from a silent
   * peer, so the others are asked of neighbours first, for as long as these give them.
   */
  neighboursGive: boolean
}

function newPace(): Pace {
  return { latestMs: 0, neighboursGive: true }
}

/** Asks several peers for a block, each by itself. @returns undefined where none gives it */
export type Ask = (cid: CID, signal: AbortSignal) => Promise<Uint8Array | undefined>

/** Where blocks come from. */
export interface Sources {
  readonly blocks: Blocks
  readonly neighbours: Ask
  /** Neighbours first, and after a while whom else this node knows. */
  readonly everyone: Ask
  /** @throws StorageError `unwritable` where there is no room for a block */
  readonly requireRoom?: () => Promise<void>
}

/** Brings one block of a fetch here, where it is not. @throws StorageError `stalled`, or `lies` beyond the limits */
export type Fetch = (cid: CID, signal: AbortSignal) => Promise<Uint8Array>

export interface Fetching {
  readonly fetch: Fetch
  readonly blockstore: Pick<Blockstore, 'get' | 'put' | 'has'>
}

/** `fetch` and `blockstore` keep to the limits each by itself: what one has brought the other only reads. */
export function fetching(sources: Sources, root: CID, limits: Limits): Fetching {
  const { blocks } = sources
  const pace = newPace()
  const fetched = bounded(root, limits)
  const read = bounded(root, limits)
  // The exporter's own limit on wants is lost now and then (it-parallel compares their number with `===`).
  const lanes: Promise<unknown>[] = Array.from({ length: WANTED_BLOCKS }, () => Promise.resolve())
  let wanted = 0
  return {
    fetch: async (cid, signal) => fetched(await fetchBlock(sources, root, cid, signal, pace)),
    blockstore: {
      put: (cid, block) => blocks.put(cid, block),
      has: (cid) => blocks.has(cid),
      get: async function* (cid) {
        const lane = wanted++ % WANTED_BLOCKS
        const brought = lanes[lane]!.then(() => fetchBlock(sources, root, cid, limits.signal, pace))
        lanes[lane] = brought
        const block = read(await brought)
        limits.onBlock({ cid: cid.toString() as Cid, bytes: block })
        yield block
      },
    },
  }
}

/**
 * One block, from here or from any peer.
 * @throws StorageError `stalled` where nobody delivers it in time, `malformed` where nobody could, `unwritable` where there is
 * no room for it
 */
export async function fetchBlock(
  sources: Sources,
  root: CID,
  cid: CID,
  stop: AbortSignal,
  pace = newPace(),
): Promise<Uint8Array> {
  requireSha256(cid)
  const done = (block: Uint8Array): Uint8Array => {
    pace.latestMs = performance.now()
    return block
  }
  if (pace.latestMs > 0 && pace.neighboursGive) {
    const early = await asked(sources, sources.neighbours, cid, stop)
    if (early) return done(early)
    pace.neighboursGive = false
  }
  const failures: unknown[] = []
  const tried = await attempt(pace, FIRST_TRY_MS, stop, failures, (signal) =>
    collect(sources.blocks.get(cid, { signal })),
  )
  if (tried) return done(tried)
  const found = new AbortController()
  const signal = AbortSignal.any([stop, found.signal])
  try {
    const asking = asked(sources, sources.everyone, cid, signal)
    const trying = fromSessions(sources.blocks, root, cid, pace, signal, failures)
    const tellPace = (block: Uint8Array | undefined) => {
      if (block) pace.neighboursGive = true
      return block
    }
    const block =
      (await eitherOf(asking.then(tellPace), trying)) ??
      (await asked(sources, sources.neighbours, cid, stop).then(tellPace))
    if (block) return done(block)
  } finally {
    found.abort()
  }
  stop.throwIfAborted()
  // What comes and cannot be kept has not come, and on a full disk nobody can be asked either: no fault of others.
  await sources.requireRoom?.()
  const cause = failures.at(-1)
  throw new StorageError('stalled', `No peer delivered block ${cid} in time.`, { cause })
}

/** One try, for as long as the fetch gets any block. @returns undefined where it fails; why is added to `failures` */
async function attempt(
  pace: Pace,
  waitMs: number,
  stop: AbortSignal,
  failures: unknown[],
  get: (signal: AbortSignal) => Promise<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const stall = new Stall(pace, waitMs)
  try {
    return await get(AbortSignal.any([stop, stall.signal]))
  } catch (error) {
    failures.push(error)
    return undefined
  } finally {
    stall.end()
  }
}

/** With whoever provides it, by a fresh session each time. */
async function fromSessions(
  blocks: Blocks,
  root: CID,
  cid: CID,
  pace: Pace,
  stop: AbortSignal,
  failures: unknown[],
): Promise<Uint8Array | undefined> {
  for (let tries = 0; tries < SESSION_TRIES && !stop.aborted; tries++) {
    const block = await attempt(pace, SESSION_TRY_MS, stop, failures, (signal) =>
      fromSession(blocks, root, cid, signal),
    )
    if (block) return block
  }
  return undefined
}

/** What the first of two gives that gives anything. */
async function eitherOf<T>(
  one: Promise<T | undefined>,
  other: Promise<T | undefined>,
): Promise<T | undefined> {
  const first = await Promise.race([one, other])
  if (first !== undefined) return first
  const [ofOne, ofOther] = await Promise.all([one, other])
  return ofOne ?? ofOther
}

/** What a peer gives is kept, as bitswap keeps what it brings. What is here, but damaged, is asked for as well. */
async function asked(
  { blocks }: Sources,
  ask: Ask,
  cid: CID,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (signal.aborted) return undefined
  if (await blocks.has(cid)) {
    const here = await collect(blocks.get(cid, { offline: true, signal })).catch(() => undefined)
    if (here) return here
  }
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
