/**
 * A block asked of many peers straight. Any of them may be silent, lie, or promise and not give: so some are asked at the same
 * time, what they promise is taken in turns, and who failed comes last the next time. Neighbours that had other blocks are
 * tried one by one first, drawn by how often they had some, so that of many who have a file each gives a part.
 */
import { randomBytes } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { askForBlock } from '../network/block-request.ts'
import type { Peer } from '../network/peer.ts'
import { shuffled } from '../shuffled.ts'
import { sleep } from '../sleep.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type AskOne, firstBlock } from './first-block.ts'

/** Questions under way at the same time; `sim/routing/scenario.ts` has the same number. */
const ASKED_AT_ONCE = 8
/** Who has not answered by then holds up the next no longer, though a late answer is as good. */
const ANSWER_MS = 5000
/** How long likely givers are asked one by one: who is busy giving to others is slow to answer. */
const ALONE_MS = 250
/** How long who promised first may take before others are asked as well. */
const PATIENCE_MS = 3000
/** Neighbours that are asked one by one before the others are asked all together. */
const LIKELY = 4
/** Of so many answers of a neighbour the older half is forgotten: what it has changes. */
const MAX_ANSWERS = 16
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

const WAITS = {
  atOnce: ASKED_AT_ONCE,
  aloneMs: ALONE_MS,
  answerMs: ANSWER_MS,
  patienceMs: PATIENCE_MS,
}

/** Whether somebody had what it was asked for, of late. */
interface Answers {
  readonly asked: number
  readonly had: number
}

export class Asking {
  readonly #peer: Peer
  readonly #log: Logger
  /** What neighbours have answered; none that is not one any more. */
  readonly #answers = new Map<string, Answers>()
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
      if (!this.#hasGiver()) late.abort()
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
      const leftMs = Math.max(0, sinceMs + OTHERS_AFTER_MS - performance.now())
      await sleep(leftMs, signal).catch(() => undefined)
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
    this.#forgetAllBut(peers)
    const last = (peer: PeerId): number => Number(this.#failed.has(peer.toString()))
    const ranked = peers.toSorted((a, b) => last(a) - last(b))
    const ask: AskOne<PeerId> = async (peer, takes, signal) => {
      let isHere = false
      const onHere = (): void => {
        isHere = true
        // It has the block, but may be too busy to give it.
        if (!this.#answers.has(peer.toString())) this.#note(peer, true)
      }
      const onReady = (): boolean => {
        this.#note(peer, true)
        return takes()
      }
      try {
        const block = await askForBlock(this.#peer, peer, cid, signal, onHere, onReady)
        if (!isHere) this.#note(peer, false)
        return block
      } catch (error) {
        // Who is not wanted any more has not failed.
        if (!signal.aborted) this.#remember(peer.toString())
        this.#log.debug({ cid: `${cid}`, peer: `${peer}`, error }, 'peer passed over')
        return undefined
      }
    }
    return firstBlock(this.#likely(peers), (signal) => order(ranked, signal), ask, stop, WAITS)
  }

  /** Some neighbours, the sooner the oftener they had what they were asked for; none where nobody had anything yet. */
  #likely(peers: readonly PeerId[]): PeerId[] {
    if (!this.#hasGiver()) return []
    const drawn = peers
      .filter((peer) => !this.#failed.has(peer.toString()))
      .map((peer) => ({ peer, key: drawnKey(this.#answers.get(peer.toString())) }))
    return drawn
      .sort((a, b) => b.key - a.key)
      .slice(0, LIKELY)
      .map(({ peer }) => peer)
  }

  #hasGiver(): boolean {
    return [...this.#answers.values()].some(({ had }) => had > 0)
  }

  #forgetAllBut(peers: readonly PeerId[]): void {
    const kept = new Set(peers.map(String))
    for (const peer of this.#answers.keys()) if (!kept.has(peer)) this.#answers.delete(peer)
  }

  #note(peer: PeerId, has: boolean): void {
    const { asked, had } = this.#answers.get(peer.toString()) ?? { asked: 0, had: 0 }
    const kept = asked < MAX_ANSWERS ? 1 : 0.5
    this.#answers.set(peer.toString(), { asked: kept * asked + 1, had: kept * had + Number(has) })
  }

  #remember(peer: string): void {
    this.#answers.delete(peer)
    if (this.#failed.size >= MAX_FAILED) this.#failed.clear()
    this.#failed.add(peer)
  }
}

/**
 * The largest come first: drawn one after the other, with odds that are the square of how likely it seems that somebody has the
 * block (Efraimidis and Spirakis, 2006; Laplace's rule of succession).
 */
function drawnKey({ asked, had }: Answers = { asked: 0, had: 0 }): number {
  const odds = ((had + 1) / (asked + 2)) ** 2
  return Math.random() ** (1 / odds)
}
