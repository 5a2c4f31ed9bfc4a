/**
 * How much of no use each neighbour may deliver. An honest one passes on only what it accepts, but may have read more of the
 * chain, or less: so what is ignored is forgiven by hundreds a second, more than a busy network says in all.
 */
import type { Judgement } from '../../coordinator-free/events.ts'

const FORGIVEN_A_SECOND = 256
/** As many as come at once after a pause. To ignore one takes some 50 microseconds. */
const MOST = 4096
/** What no honest node sends ends with the ninth, as does its score. To check a signature takes a millisecond. */
const COSTS = { accept: 0, ignore: 1, reject: MOST / 8.5 } as const
/** More than there are connections. */
const MAX_PEERS = 1024

export class Patience {
  readonly #nowMs: () => number
  /** What each has used up. */
  readonly #used = new Map<string, { amount: number; atMs: number }>()

  /** @param nowMs by a clock that nobody sets */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  isLeft(peer: string): boolean {
    return this.#usedBy(peer) < MOST
  }

  spend(peer: string, verdict: Judgement['verdict']): void {
    const cost = COSTS[verdict]
    if (cost === 0) return
    const amount = this.#usedBy(peer) + cost
    this.#used.delete(peer)
    if (this.#used.size >= MAX_PEERS) this.#used.delete(this.#used.keys().next().value!)
    this.#used.set(peer, { amount, atMs: this.#nowMs() })
  }

  #usedBy(peer: string): number {
    const used = this.#used.get(peer)
    if (!used) return 0
    const forgiven = ((this.#nowMs() - used.atMs) / 1000) * FORGIVEN_A_SECOND
    return Math.max(0, used.amount - forgiven)
  }
}
