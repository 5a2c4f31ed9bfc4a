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
  /** Peer to milliseconds. */
  readonly #best = new Map<string, number>()

  get atOnce(): number {
    return this.#queue.concurrency
  }

  /** Waits for room. Others have it again when the block is given, or has taken too long. */
  inTurn(give: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue
        .add(async () => {
          const given = give()
          given.then(resolve, reject)
          await settledWithin(ALONE_MS, given)
        })
        .catch(reject)
    })
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
