/** How far a node has read what the chain tells. */
import type { ChainFact } from '../protocol/chain.ts'
import type { Timeline } from './timeline.ts'

export class ChainReader {
  readonly #timeline: Timeline
  #read = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  /** Begins anew. */
  rewind(): void {
    this.#read = 0
  }

  /** The next fact; undefined where all are read. */
  peek(): ChainFact | undefined {
    return this.#timeline.chain.facts[this.#read]
  }

  take(): ChainFact | undefined {
    const fact = this.peek()
    if (fact) this.#read += 1
    return fact
  }

  /** Whether anything but blocks is unread. */
  get hasNews(): boolean {
    const { facts } = this.#timeline.chain
    for (let i = this.#read; i < facts.length; i++) if (facts[i]!.kind !== 'block') return true
    return false
  }
}
