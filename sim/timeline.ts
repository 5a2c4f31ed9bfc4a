/**
 * The fake L2 over time: what was sent to it and when, so that it can take blocks back. What stood in them is sent again at
 * once, as the outboxes of real nodes do.
 */
import { FakeChain, type FakeChainOptions } from './chain.ts'
import { Reverted } from './contract.ts'

type Call = (chain: FakeChain) => void

export class Timeline {
  #chain: FakeChain
  readonly #options: FakeChainOptions
  readonly #mined: number[] = []
  #sent: { readonly block: number; readonly call: Call }[] = []
  #forks = 0

  constructor(options: FakeChainOptions) {
    this.#options = options
    this.#chain = new FakeChain(options)
  }

  /** As it stands now: who holds on to it holds what may have been taken back. */
  get chain(): FakeChain {
    return this.#chain
  }

  mine(timestampMs: number): void {
    this.#mined.push(timestampMs)
    this.#chain.mine(timestampMs, this.#forks)
  }

  /** @throws Reverted, as the contracts do; then nothing was sent */
  send(call: Call): void {
    call(this.#chain)
    this.#sent.push({ block: this.#mined.length, call })
  }

  /** Takes back the newest blocks, but never the first, and mines others in their stead. */
  takeBack(blocks: number): void {
    const kept = Math.max(1, this.#mined.length - blocks)
    const sent = this.#sent
    const calls = sent.filter(({ block }) => block > kept).map(({ call }) => call)
    const { forks: before, changes } = this.#chain
    this.#forks += 1
    this.#chain = new FakeChain(this.#options)
    this.#sent = sent.filter(({ block }) => block <= kept)
    this.#mined.forEach((timestampMs, index) => {
      const number = index + 1
      this.#chain.mine(timestampMs, number <= kept ? before[index] : this.#forks)
      for (const { block, call } of this.#sent) if (block === number) call(this.#chain)
    })
    for (const call of calls) this.#sendAgain(call)
    // Whoever follows the batches must see that they are others now.
    this.#chain.changes += changes + 1
  }

  #sendAgain(call: Call): void {
    try {
      this.send(call)
    } catch (error) {
      if (!(error instanceof Reverted)) throw error
    }
  }
}
