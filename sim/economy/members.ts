/** Those of one role, by number: stakes in wei, what they did and what they have earned. */
import type { Streams } from '../kernel/streams.ts'

export class Members {
  readonly count: number
  readonly stakesWei: bigint[]
  readonly startedWei: readonly bigint[]
  readonly incomeWei: bigint[]
  /** Jobs paid for since the last settlement. */
  readonly paid: Uint32Array
  /** Jobs, or checks, that were really done, as far as they are settled; and false ones, which cost less. */
  readonly worked: Float64Array
  readonly cheap: Float64Array
  /** What their transactions took: units of gas, and bytes for the L1. */
  readonly gas: Float64Array
  readonly bytes: Float64Array
  /** How much was slashed of each. */
  readonly slashedWei: bigint[]
  readonly #shares: Float64Array
  /** Running sums of the stakes. */
  readonly #upTo: Float64Array
  #isStale = true
  /** Counts how often stakes have changed, by slashes too: what was worked out from them holds for one count. */
  version = 0

  constructor(stakesWei: readonly bigint[]) {
    this.count = stakesWei.length
    this.stakesWei = [...stakesWei]
    this.startedWei = stakesWei
    this.incomeWei = stakesWei.map(() => 0n)
    this.slashedWei = stakesWei.map(() => 0n)
    this.#shares = new Float64Array(this.count)
    this.paid = new Uint32Array(this.count)
    this.worked = new Float64Array(this.count)
    this.cheap = new Float64Array(this.count)
    this.gas = new Float64Array(this.count)
    this.bytes = new Float64Array(this.count)
    this.#upTo = new Float64Array(this.count)
  }

  #refresh(): void {
    if (!this.#isStale) return
    let sum = 0
    for (let i = 0; i < this.count; i++) {
      this.#shares[i] = Number(this.stakesWei[i]!) / 1e18
      sum += this.#shares[i]!
      this.#upTo[i] = sum
    }
    this.#isStale = false
  }

  /** Stakes in OPEN, for chances: nothing is paid by them. */
  get shares(): Float64Array {
    this.#refresh()
    return this.#shares
  }

  /** Sum of all stakes, in OPEN. */
  total(): number {
    this.#refresh()
    return this.#upTo[this.count - 1]!
  }

  /** One of them, with a chance that is its share of the stake. */
  draw(streams: Streams, stream: number): number {
    const point = (streams.uint32(stream) / 2 ** 32) * this.total()
    let low = 0
    let high = this.count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#upTo[middle]! > point) high = middle
      else low = middle + 1
    }
    return low
  }

  /** All of them with their stakes, in an order that chance makes. */
  shuffled(
    streams: Streams,
    stream: number,
  ): { readonly number: number; readonly stakeWei: bigint }[] {
    const order = this.stakesWei.map((stakeWei, number) => ({ number, stakeWei }))
    for (let left = order.length; left > 1; left--) {
      const other = streams.below(stream, left)
      const last = order[left - 1]!
      order[left - 1] = order[other]!
      order[other] = last
    }
    return order
  }

  /** Sets what a member stakes, in wei. */
  stake(member: number, stakeWei: bigint): void {
    this.stakesWei[member] = stakeWei
    this.#isStale = true
    this.version += 1
  }

  /** Takes up to so much of a stake, in wei, and says how much there was. */
  take(member: number, amountWei: bigint): bigint {
    const stakeWei = this.stakesWei[member]!
    const takenWei = amountWei < stakeWei ? amountWei : stakeWei
    if (takenWei === 0n) return 0n
    this.stake(member, stakeWei - takenWei)
    this.slashedWei[member]! += takenWei
    return takenWei
  }
}
