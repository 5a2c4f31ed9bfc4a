/**
 * A block asked of many peers straight. Any of them may be silent, lie, or promise and not give: so some are asked at the same
 * time, what they promise is taken in turns, and who failed comes last the next time.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as waitFor } from 'node:timers/promises'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { askForBlock } from '../network/block-request.ts'
import type { Peer } from '../network/peer.ts'
import { Turns } from '../network/turns.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Questions under way at the same time; `sim/routing/scenario.ts` has the same number. */
const ASKED_AT_ONCE = 8
/** Who has not answered by then holds up the next no longer, though a late answer is as good. */
const ANSWER_MS = 5000
/** How long who gave the last block is asked alone, and who promised first may take before others are tried as well. */
const PATIENCE_MS = 3000
/** When others than neighbours are asked: until then providers may be found. */
const OTHERS_AFTER_MS = 10_000
/** Peers that are asked for one block at the most, and searches for more of them; the simulator has the same numbers. */
const MOST_ASKED = 1000
const WALKS = 12
const WALK_MS = 10_000
/** Kademlia hashes what is looked for, so any bytes are a place. */
const PLACE_BYTES = 32
/** kad-dht's mark on who stands in the routing table: it has answered there, and each part of the space has twenty at most. */
const IN_TABLE = 'kad-peer'
/** Peers whose failures are remembered. */
const MAX_FAILED = 1000

/** Puts the question to one. It takes the block, where there is one, when `turn` has come. */
export type AskOne<P> = (
  peer: P,
  turn: () => Promise<void>,
  signal: AbortSignal,
) => Promise<Uint8Array | undefined>

export interface Waits {
  readonly atOnce: number
  readonly answerMs: number
  readonly patienceMs: number
}

export class Asking {
  readonly #peer: Peer
  readonly #log: Logger
  /** Who gave a block when it was asked, or has promised one: it may have the next. */
  #giver = ''
  readonly #failed = new Set<string>()

  constructor(peer: Peer, log: Logger) {
    this.#peer = peer
    this.#log = log
  }

  /** @returns undefined where no neighbour gives it, or none has promised this or another block soon */
  async neighbours(cid: CID, stop: AbortSignal): Promise<Uint8Array | undefined> {
    const late = new AbortController()
    // Where one of them is giving another block, its word on this one comes behind that.
    const timer = setTimeout(() => {
      if (!this.#connectedGiver()) late.abort()
    }, ANSWER_MS)
    const signal = AbortSignal.any([stop, late.signal])
    const all = async function* (ranked: readonly PeerId[]) {
      yield* ranked
    }
    try {
      return await this.#ask(cid, signal, all)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Asks neighbours, after a while whoever is known beyond them, and whom searches for places anywhere lead to: keys ground
   * until they lie around a content's id can hide it from every search for that id, and make up a sixty-fourth of a
   * routing table.
   */
  everyone(cid: CID, stop: AbortSignal): Promise<Uint8Array | undefined> {
    const asked = new Set(this.#peer.libp2p.getPeers().map(String))
    const others = (signal: AbortSignal) => this.#others(asked, signal)
    return this.#ask(cid, stop, async function* (ranked, signal) {
      const sinceMs = performance.now()
      yield* ranked
      await sleep(sinceMs + OTHERS_AFTER_MS - performance.now(), signal)
      if (!signal.aborted) yield* others(signal)
    })
  }

  async *#others(asked: Set<string>, signal: AbortSignal): AsyncGenerator<PeerId> {
    const { libp2p } = this.#peer
    const isNew = (id: PeerId): boolean => {
      if (asked.has(id.toString()) || asked.size >= MOST_ASKED) return false
      asked.add(id.toString())
      return true
    }
    const known = await libp2p.peerStore.all({ filters: [({ tags }) => tags.has(IN_TABLE)] })
    yield* shuffled(known.map(({ id }) => id)).filter(isNew)
    for (let walk = 0; walk < WALKS && !signal.aborted; walk++) {
      yield* (await this.#anywhere(signal)).filter(isNew)
    }
  }

  /** Those nearest to a place that nobody can foresee. */
  async #anywhere(stop: AbortSignal): Promise<PeerId[]> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(WALK_MS)])
    const found: PeerId[] = []
    try {
      const place = randomBytes(PLACE_BYTES)
      const nearest = this.#peer.libp2p.peerRouting.getClosestPeers(place, { signal })
      for await (const { id } of nearest) found.push(id)
    } catch (error) {
      this.#log.debug({ error }, 'search for peers failed')
    }
    return found
  }

  #ask(
    cid: CID,
    stop: AbortSignal,
    order: (neighbours: readonly PeerId[], signal: AbortSignal) => AsyncGenerator<PeerId>,
  ): Promise<Uint8Array | undefined> {
    const peers = this.#peer.libp2p.getPeers()
    const last = (peer: PeerId): number => Number(this.#failed.has(peer.toString()))
    const giver = this.#connectedGiver()
    const others = peers.filter((peer) => !giver?.equals(peer)).sort((a, b) => last(a) - last(b))
    const ask: AskOne<PeerId> = async (peer, turn, signal) => {
      try {
        const block = await askForBlock(this.#peer, peer, cid, signal, () => {
          this.#giver = peer.toString()
          return turn()
        })
        if (block) this.#giver = peer.toString()
        return block
      } catch (error) {
        // Who is not wanted any more has not failed.
        if (!signal.aborted) this.#remember(peer.toString())
        this.#log.debug({ cid: `${cid}`, peer: `${peer}`, error }, 'peer passed over')
        return undefined
      }
    }
    const waits = { atOnce: ASKED_AT_ONCE, answerMs: ANSWER_MS, patienceMs: PATIENCE_MS }
    return firstBlock(giver, (signal) => order(others, signal), ask, stop, waits)
  }

  #connectedGiver(): PeerId | undefined {
    return this.#peer.libp2p.getPeers().find((peer) => peer.toString() === this.#giver)
  }

  #remember(peer: string): void {
    if (this.#giver === peer) this.#giver = ''
    if (this.#failed.size >= MAX_FAILED) this.#failed.clear()
    this.#failed.add(peer)
  }
}

/**
 * The block of whoever gives it first. The giver, where there is one, is asked alone for as long as patience lasts.
 *
 * @param ask must not throw, and give up when its signal says so
 */
export async function firstBlock<P>(
  giver: P | undefined,
  others: (signal: AbortSignal) => AsyncGenerator<P>,
  ask: AskOne<P>,
  stop: AbortSignal,
  { atOnce, answerMs, patienceMs }: Waits,
): Promise<Uint8Array | undefined> {
  const found = new AbortController()
  const signal = AbortSignal.any([stop, found.signal])
  const turns = new Turns(patienceMs)
  const running = new Set<Promise<void>>()
  let block: Uint8Array | undefined
  /** Ends when the peer has answered, which is before its block is there. */
  const question = (peer: P): Promise<void> =>
    new Promise((answered) => {
      let hasTurn = false
      const turn = async (): Promise<void> => {
        answered()
        await turns.take()
        hasTurn = true
      }
      const asked = ask(peer, turn, signal).then((given) => {
        if (given) block ??= given
        if (given) found.abort()
        else if (hasTurn) turns.pass()
        running.delete(asked)
        answered()
      })
      running.add(asked)
    })
  const lane = async (queue: AsyncGenerator<P>): Promise<void> => {
    for await (const peer of oneOf(queue)) {
      if (signal.aborted) return
      await settledWithin(answerMs, question(peer))
    }
  }
  try {
    if (giver !== undefined)
      await settledWithin(patienceMs, Promise.all([question(giver), ...running]))
    const queue = others(signal)
    await Promise.all(Array.from({ length: atOnce }, () => lane(queue)))
    while (!signal.aborted && running.size > 0) await Promise.race(running)
    return block
  } finally {
    found.abort()
    turns.end()
  }
}

/** A generator that several read from, and that does not end when one of them has read enough. */
function oneOf<P>(queue: AsyncGenerator<P>): AsyncIterable<P> {
  return { [Symbol.asyncIterator]: () => ({ next: () => queue.next() }) }
}

/** Waits, but no longer than until the signal. */
async function sleep(waitMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || waitMs <= 0) return
  await waitFor(waitMs, undefined, { signal }).catch(() => undefined)
}

/** Ends when the promise has, or when the time is up. */
async function settledWithin(waitMs: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}

/** In an order that nobody could choose (Fisher and Yates). */
function shuffled<T>(items: readonly T[]): T[] {
  const dealt = [...items]
  for (let last = dealt.length - 1; last > 0; last--) {
    const other = randomInt(last + 1)
    ;[dealt[last], dealt[other]] = [dealt[other]!, dealt[last]!]
  }
  return dealt
}
