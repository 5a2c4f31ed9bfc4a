/**
 * How many blocks are given at the same time. Two where they share a slow line: each of many would be late, and nobody would
 * have a block to hand on. More where a block takes no longer for it, as to those that are far away over a fast line.
 */
import PQueue from 'p-queue'
import { settledWithin } from '../sleep.ts'

const LEAST = 2
const MOST = 16
/** A block that takes so many times as long as one to the same peer has taken, and so much longer, says that there are too many. */
const SLOWER = 2
const SLOWER_MS = 50
/** Who takes a block this slowly keeps nobody else waiting. */
const ALONE_MS = 5000
/** Peers whose best time is remembered. */
const MAX_PEERS = 256

export class Giving {
  readonly #queue = new PQueue({ concurrency: LEAST })
  /** For each block that a peer is being given, or has asked for: whether it still waits. */
  readonly #asked = new Map<string, Set<() => boolean>>()
  /** Peer to milliseconds. */
  readonly #best = new Map<string, number>()

  get atOnce(): number {
    return this.#queue.concurrency
  }

  /**
   * Waits for room, behind those that wait for fewer blocks: who asks for many and takes none would keep all others waiting.
   * Others have the room again when the block is given, or has taken too long.
   * @param isThere whether it still waits: who asks many takes the block of one, and must not be the last for it
   */
  inTurn(peer: string, give: () => Promise<void>, isThere = () => true): Promise<void> {
    const asked = this.#asked.get(peer) ?? new Set()
    for (const waits of asked) if (!waits()) asked.delete(waits)
    const before = asked.size
    this.#asked.set(peer, asked.add(isThere))
    return new Promise((resolve, reject) => {
      const turn = async (): Promise<void> => {
        const given = isThere() ? give() : Promise.resolve()
        given.then(resolve, reject)
        await settledWithin(ALONE_MS, given)
        this.#had(peer, isThere)
      }
      this.#queue.add(turn, { priority: -before }).catch(reject)
    })
  }

  #had(peer: string, isThere: () => boolean): void {
    const asked = this.#asked.get(peer)
    asked?.delete(isThere)
    if (asked?.size === 0) this.#asked.delete(peer)
  }

  /** A block has been given to a peer in that time. */
  took(peer: string, ms: number): void {
    const best = this.#best.get(peer) ?? ms
    const step = ms > SLOWER * best + SLOWER_MS ? -1 : 1
    this.#queue.concurrency = Math.min(MOST, Math.max(LEAST, this.atOnce + step))
    this.#best.delete(peer)
    if (this.#best.size >= MAX_PEERS) this.#best.delete(this.#best.keys().next().value!)
    this.#best.set(peer, Math.min(best, ms))
  }
}
