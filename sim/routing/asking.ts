/**
 * A content asked of many straight, as `worker/storage/asking.ts` does it: eight questions under way, and what was promised is
 * taken in turns, by one at first and by twice as many each time that patience has run out.
 */
import { DIAL_TRIPS, HAPPENS, type Network } from './network.ts'

const MS = 1000
const ASKED_AT_ONCE = 8
const PATIENCE_MS = 3000
/** As in `worker/network/block-request.ts`: how long a promise of a block is believed. */
export const BLOCK_MS = 60_000
/** A stream is opened, and a question put. */
export const ASK_TRIPS = 2

export class Asking {
  readonly #network: Network
  readonly #node: number
  /** Who promised and did not give: they come last. */
  readonly #failed: Set<number>
  readonly #onBlock: (peer: number) => void
  readonly #onEnd: () => void
  readonly #waiting: number[] = []
  readonly #promised: number[] = []
  #questions = 0
  #taking = 0
  #allowed = 1
  #isClosed = false
  #onDry: (() => void) | undefined
  #isOver = false

  /**
   * @param onBlock is told who gives it, when it is there; then nothing more is asked
   * @param onEnd is told, once, when nobody is left who could give it
   */
  constructor(
    network: Network,
    node: number,
    failed: Set<number>,
    onBlock: (peer: number) => void,
    onEnd: () => void,
  ) {
    this.#network = network
    this.#node = node
    this.#failed = failed
    this.#onBlock = onBlock
    this.#onEnd = onEnd
  }

  /** Asks these, too. */
  add(peers: Iterable<number>, areLast: boolean): void {
    this.#waiting.push(...[...peers].sort((a, b) => this.#rank(a) - this.#rank(b)))
    this.#isClosed = areLast
    this.#go()
  }

  /** Tells, once, when nobody is left to be asked, and it may be asked for more. */
  whenDry(onDry: () => void): void {
    this.#onDry = onDry
    this.#go()
  }

  #rank(peer: number): number {
    return Number(this.#failed.has(peer))
  }

  #go(): void {
    if (this.#isOver) return
    while (this.#questions < ASKED_AT_ONCE && this.#waiting.length > 0) {
      this.#question(this.#waiting.shift()!)
    }
    while (this.#taking < this.#allowed && this.#promised.length > 0) {
      this.#take(this.#promised.shift()!)
    }
    if (this.#questions < ASKED_AT_ONCE && this.#onDry) {
      const tell = this.#onDry
      this.#onDry = undefined
      tell()
      // It may have added the last of all, and so ended it.
      if (this.#isOver) return
    }
    if (!this.#isClosed || this.#questions > 0 || this.#taking > 0) return
    this.#isOver = true
    this.#onEnd()
  }

  #question(peer: number): void {
    const network = this.#network
    const isNear = network.neighboursOf(this.#node).has(peer)
    this.#questions += 1
    const trips = ASK_TRIPS + (isNear ? 0 : DIAL_TRIPS)
    network.after(network.tripsUs(this.#node, peer, trips), this.#node, HAPPENS.answer, () => {
      this.#questions -= 1
      if (network.isSybil(peer)) network.counters.attacks += 1
      if (network.isHolder(peer) || network.isStaller(peer)) this.#promise(peer)
      this.#go()
    })
  }

  #promise(peer: number): void {
    const isFirst = this.#promised.length + this.#taking === 0 && this.#allowed === 1
    this.#promised.push(peer)
    if (isFirst) this.#losePatience()
  }

  #losePatience(): void {
    this.#network.after(MS * PATIENCE_MS, this.#node, HAPPENS.timer, () => {
      if (this.#isOver) return
      this.#allowed *= 2
      this.#go()
      this.#losePatience()
    })
  }

  /** The block follows the question's answer at once. */
  #take(peer: number): void {
    const network = this.#network
    this.#taking += 1
    const isGiven = network.isHolder(peer)
    const afterUs = isGiven ? network.tripsUs(this.#node, peer, 1) : MS * BLOCK_MS
    network.after(afterUs, this.#node, isGiven ? HAPPENS.block : HAPPENS.answer, () => {
      if (this.#isOver) return
      this.#taking -= 1
      if (isGiven) {
        this.#isOver = true
        this.#onBlock(peer)
        return
      }
      this.#failed.add(peer)
      this.#go()
    })
  }
}
