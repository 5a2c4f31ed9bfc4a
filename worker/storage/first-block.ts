/**
 * One question put to many: the block of whoever can give it first. While one gives it the others are asked no further; where
 * it takes too long they are asked again, and twice as many may give each time, so that those who promise and do not give hold
 * nobody up for long.
 */
import { settledWithin } from '../sleep.ts'

/**
 * Puts the question to one. Where it can give the block, `takes` says whether to take it. It must not throw, and give up when
 * its signal says so.
 */
export type AskOne<P> = (
  peer: P,
  takes: () => boolean,
  signal: AbortSignal,
) => Promise<Uint8Array | undefined>

export interface Waits {
  /** Questions under way at the same time. */
  readonly atOnce: number
  /** How long those that are likely to have it are asked one by one, all together. */
  readonly aloneMs: number
  /** When the next is asked, though the answer is still to come. */
  readonly answerMs: number
  /** How long who gives may take before others are asked again. */
  readonly patienceMs: number
}

/**
 * @param likely are asked first
 * @param others may name those again
 * @returns undefined where nobody gives it
 */
export async function firstBlock<P>(
  likely: readonly P[],
  others: (signal: AbortSignal) => AsyncGenerator<P>,
  ask: AskOne<P>,
  stop: AbortSignal,
  waits: Waits,
): Promise<Uint8Array | undefined> {
  const inquiry = new Inquiry(ask, stop, waits)
  try {
    await settledWithin(waits.aloneMs, inquiry.oneByOne(likely))
    return await inquiry.together(others(inquiry.signal))
  } finally {
    inquiry.end()
  }
}

class Inquiry<P> {
  /** Says when the block is there, or is not wanted any more. */
  readonly signal: AbortSignal
  readonly #ask: AskOne<P>
  readonly #waits: Waits
  readonly #found = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #asked = new Set<P>()
  /** Those that have not answered yet, and what calls their questions off. */
  readonly #silent = new Map<P, AbortController>()
  /** Those that were called off, or not taken, while another gave. */
  readonly #again: P[] = []
  #block: Uint8Array | undefined
  #givers = 0
  #mostGivers = 1
  /** Over when another may give. */
  #giving = Promise.resolve()
  #endGiving = (): void => {}

  constructor(ask: AskOne<P>, stop: AbortSignal, waits: Waits) {
    this.#ask = ask
    this.#waits = waits
    this.signal = AbortSignal.any([stop, this.#found.signal])
    this.signal.addEventListener('abort', () => this.#endGiving(), { once: true })
  }

  /** Until one of them gives. */
  async oneByOne(peers: readonly P[]): Promise<void> {
    const sinceMs = performance.now()
    for (const peer of peers) {
      await this.#giving
      const isLate = performance.now() - sinceMs >= this.#waits.aloneMs
      if (this.signal.aborted || isLate) return
      await this.#question(peer)
    }
  }

  async together(others: AsyncGenerator<P>): Promise<Uint8Array | undefined> {
    const lane = async (): Promise<void> => {
      for (;;) {
        await this.#giving
        const peer = this.#again.shift() ?? (await others.next()).value
        if (this.signal.aborted || peer === undefined) return
        await settledWithin(this.#waits.answerMs, this.#question(peer))
      }
    }
    do {
      await Promise.all(Array.from({ length: this.#waits.atOnce }, lane))
      const isAllAsked = this.#again.length === 0 && this.#running.size > 0
      if (isAllAsked) await Promise.race(this.#running)
    } while (!this.signal.aborted && this.#running.size + this.#again.length > 0)
    return this.#block
  }

  end(): void {
    this.#found.abort()
  }

  /** Ends when the peer has answered, which is before its block is there. */
  #question(peer: P): Promise<void> {
    if (this.#asked.has(peer)) return Promise.resolve()
    this.#asked.add(peer)
    const off = new AbortController()
    this.#silent.set(peer, off)
    return new Promise((answered) => {
      let gives = false
      const takes = (): boolean => {
        this.#silent.delete(peer)
        gives = this.#take(peer)
        answered()
        return gives
      }
      const signal = AbortSignal.any([this.signal, off.signal])
      const given = this.#ask(peer, takes, signal).then((bytes) => {
        // It may have been called off, and asked again.
        if (this.#silent.get(peer) === off) this.#silent.delete(peer)
        if (bytes) this.#block ??= bytes
        if (bytes) this.#found.abort()
        else if (gives) this.#pass()
        this.#running.delete(given)
        answered()
      })
      this.#running.add(given)
    })
  }

  /** Who has it may give it, where not enough others do. */
  #take(peer: P): boolean {
    if (this.#givers >= this.#mostGivers) {
      this.#askAgain(peer)
      return false
    }
    this.#givers += 1
    if (this.#givers === this.#mostGivers) this.#waitForGivers()
    return true
  }

  /** Who gave has given nothing. */
  #pass(): void {
    this.#givers -= 1
    this.#endGiving()
  }

  #waitForGivers(): void {
    for (const [peer, off] of this.#silent) {
      this.#askAgain(peer)
      off.abort()
    }
    this.#silent.clear()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.#mostGivers *= 2
      resolve()
    }, this.#waits.patienceMs)
    this.#giving = promise
    this.#endGiving = () => {
      clearTimeout(timer)
      resolve()
    }
  }

  #askAgain(peer: P): void {
    this.#asked.delete(peer)
    this.#again.push(peer)
  }
}
