/**
 * The blocks of the fake L2: what each asks for, and how much of it is taken, by nodes and by others. Where they have a limit,
 * each asks for what the one before it leads to.
 */
import type { Prices } from '../protocol/batch-cost.ts'
import { type GasOffer, gasPriceWei } from '../protocol/gas-offer.ts'
import { invariant } from '../protocol/invariant.ts'
import { nextBaseFee } from './base-fee.ts'
import type { Payment } from './purses.ts'

/** What there is room for, and who else wants some of it. */
export interface Space {
  /** Gas of a block; 0 where it takes whatever comes. */
  readonly blockGas: bigint
  /** Gas that others want of each block, and what they offer for a unit. */
  readonly othersGas: bigint
  readonly others: GasOffer
}

/** What a large transaction of others takes, such as a trade over several markets. */
const LARGE_GAS = 300_000n

export interface Block {
  readonly timestampMs: number
  /** What it would ask for without any load: as a rule, or in a spike. */
  readonly asked: Prices
  readonly prices: Prices
  /** Gas that others want of it beyond what they want of any. */
  readonly burstGas: bigint
  /** What its load has led to. */
  readonly baseFeeWei: bigint
  gasUsed: bigint
  /** By one transaction at the most. */
  mostGas: bigint
  /** What others pay beyond the base fee; none where it is too dear for them. */
  readonly othersTipWei: bigint | undefined
  areOthersIn: boolean
  /** Nothing more comes into it. */
  isClosed: boolean
  /** Somebody found no room. */
  isFull: boolean
}

export class Blocks {
  /** How often each thing happened, in blocks that were taken back as well. */
  readonly counters = { fullBlocks: 0, risenFees: 0 }
  highestWei = 0n
  readonly #space: Space
  readonly #leastWei: bigint
  readonly #mined: Block[] = []

  /** @param leastWei of the base fee; the first block's */
  constructor(space: Space, leastWei: bigint) {
    this.#space = space
    this.#leastWei = leastWei
  }

  get mined(): readonly Block[] {
    return this.#mined
  }

  get count(): number {
    return this.#mined.length
  }

  get newest(): Block {
    return this.#mined.at(-1)!
  }

  get areLimited(): boolean {
    return this.#space.blockGas > 0n
  }

  add(timestampMs: number, asked: Prices, burstGas: bigint): Block {
    const { others } = this.#space
    const before = this.#mined.at(-1)
    const baseFeeWei = this.#following(before)
    if (before && baseFeeWei > before.baseFeeWei) this.counters.risenFees += 1
    const gasWei = this.areLimited && baseFeeWei > asked.gasWei ? baseFeeWei : asked.gasWei
    const othersWei = gasPriceWei(others, gasWei)
    const block = {
      ...{ timestampMs, asked, prices: { ...asked, gasWei }, burstGas, baseFeeWei },
      othersTipWei: othersWei === undefined ? undefined : othersWei - gasWei,
      ...{ gasUsed: 0n, mostGas: LARGE_GAS, areOthersIn: false, isClosed: false, isFull: false },
    }
    if (gasWei > this.highestWei) this.highestWei = gasWei
    this.#mined.push(block)
    return block
  }

  #following(before: Block | undefined): bigint {
    if (!before || !this.areLimited) return this.#leastWei
    return nextBaseFee(before, this.#space.blockGas, this.#leastWei)
  }

  /** Whether the newest has room for so much gas, when others who tip no less have had theirs. */
  hasRoom(gas: bigint, tipWei: bigint): boolean {
    if (!this.areLimited) return true
    const block = this.newest
    if (block.othersTipWei !== undefined && block.othersTipWei >= tipWei) this.#letOthersIn(block)
    const hasRoom = block.gasUsed + gas <= this.#space.blockGas
    if (!hasRoom) this.#fill(block)
    return hasRoom
  }

  use(gas: bigint): void {
    const block = this.newest
    block.gasUsed += gas
    if (gas > block.mostGas) block.mostGas = gas
  }

  /** Others use what is left of the newest, as far as they want it; who finds no room there does not come again. */
  close(): void {
    this.#letOthersIn(this.newest)
    this.newest.isClosed = true
  }

  #letOthersIn(block: Block): void {
    if (!this.areLimited || block.areOthersIn) return
    block.areOthersIn = true
    if (block.othersTipWei === undefined) return
    const left = this.#space.blockGas - block.gasUsed
    const wanted = this.#space.othersGas + block.burstGas
    if (wanted > left) {
      block.gasUsed += left
      this.#fill(block)
    } else block.gasUsed += wanted
  }

  #fill(block: Block): void {
    if (block.isFull) return
    block.isFull = true
    this.counters.fullBlocks += 1
  }

  /**
   * The tip that a node of the L2 suggests, as op-geth does: after a block without room for another like its largest, a tenth
   * more than the median of those in it, which is the others'.
   */
  suggestedTipWei(usualWei: bigint): bigint {
    const { blockGas, othersGas } = this.#space
    const closed = this.newest.isClosed ? this.newest : this.#mined.at(-2)
    if (!closed || othersGas + closed.burstGas === 0n) return usualWei
    if (closed.gasUsed + closed.mostGas <= blockGas) return usualWei
    const { othersTipWei = 0n } = closed
    const moreWei = (othersTipWei * 11n) / 10n
    return moreWei > usualWei ? moreWei : usualWei
  }

  /** Takes back all that are newer, and says which. */
  takeBack(kept: number): readonly Block[] {
    return this.#mined.splice(kept)
  }

  /** Throws where a block took more than it had room for, or asked for other than the one before it leads to. */
  check(payments: readonly Payment[]): void {
    const { blockGas } = this.#space
    if (blockGas === 0n) return
    const used = new Map<number, bigint>()
    for (const { block, load } of payments) used.set(block, (used.get(block) ?? 0n) + load.gas)
    for (const [index, { gasUsed, baseFeeWei, prices }] of this.#mined.entries()) {
      const number = index + 1
      const ownGas = used.get(number) ?? 0n
      invariant(gasUsed <= blockGas, `block ${number} took ${gasUsed} of ${blockGas} gas`)
      invariant(ownGas <= gasUsed, `${ownGas} gas was paid for in block ${number} of ${gasUsed}`)
      const dueWei = this.#following(this.#mined[index - 1])
      const isDue = baseFeeWei === dueWei && prices.gasWei >= dueWei
      invariant(isDue, `block ${number} asked for ${baseFeeWei} wei a gas instead of ${dueWei}`)
    }
  }
}
