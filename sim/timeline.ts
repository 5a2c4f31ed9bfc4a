/**
 * The fake L2 over time: what was sent to it and when, so that it can take blocks back. What stood in them is sent again at
 * once, as the outboxes of real nodes do. And what that cost: a block takes no transaction that offers less than its base
 * fee. Where blocks have a limit, what is sent waits for the next.
 */
import type { Prices } from '../protocol/batch-cost.ts'
import { gasLimit, gasOffer, gasPriceWei } from '../protocol/gas-offer.ts'
import { type Block, Blocks, type Space } from './blocks.ts'
import { FakeChain, type FakeChainOptions } from './chain.ts'
import { NothingToDo, Reverted } from './contract.ts'
import {
  type Call,
  Mempool,
  mostWei,
  type Signed,
  type Taken,
  type Transaction,
} from './mempool.ts'
import { type Payment, Purses } from './purses.ts'

export interface Fees {
  /** What blocks ask for as a rule. */
  readonly prices: Prices
  readonly tipWei: bigint
  /** What each node has at first to pay of. */
  readonly purseWei: bigint
  readonly space?: Space
  readonly onPaid?: (payment: Payment) => void
}

const FREE: Fees = { prices: { gasWei: 0n, byteWei: 0n }, tipWei: 0n, purseWei: 0n }
const ENDLESS: Space = { blockGas: 0n, othersGas: 0n, others: { maxFeeWei: 0n, tipWei: 0n } }

interface Sent {
  readonly block: number
  readonly call: Call
  /** None of what costs nobody anything here. */
  readonly signed?: Signed
}

export class Timeline {
  readonly purses: Purses
  #chain: FakeChain
  readonly #options: FakeChainOptions
  readonly #fees: Fees
  readonly #pool: Mempool
  readonly #blocks: Blocks
  #sent: Sent[] = []
  #forks = 0
  /** Counts calls that changed something, and forks. */
  #changes = 0
  /** When each duty was last done, by that count. */
  readonly #done = new Map<string, number>()
  readonly #counters = { dear: 0, pressed: 0, inVain: 0, penniless: 0 }

  constructor(options: FakeChainOptions, fees = FREE) {
    this.#options = options
    this.#fees = fees
    this.#chain = new FakeChain(options)
    this.purses = new Purses(fees.purseWei)
    this.#blocks = new Blocks(fees.space ?? ENDLESS, fees.prices.gasWei)
    this.#pool = new Mempool({
      newest: () => this.#newest,
      areLimited: this.#blocks.areLimited,
      tipWei: () => this.#suggestedTipWei,
      leftWei: (node) => this.purses.leftWei(node),
      sign: (transaction) => this.sign(transaction),
      refuses: ({ duty }) => this.#done.has(duty),
      take: (signed) => this.#take(signed),
      close: () => this.#blocks.close(),
    })
  }

  /** As it stands now: who holds on to it holds what may have been taken back. */
  get chain(): FakeChain {
    return this.#chain
  }

  /** How often each thing happened to transactions. */
  get counters(): Readonly<Record<string, number>> {
    const { counters } = this.#pool
    const felt = this.#counters.dear + counters.pricedOut
    return { ...this.#counters, ...counters, ...this.#blocks.counters, felt }
  }

  /** The most that any block has asked for a unit of gas. */
  get highestFeeWei(): bigint {
    return this.#blocks.highestWei
  }

  /** The longest that a transaction has waited for its block. */
  get longestWaitMs(): number {
    return this.#pool.longestMs
  }

  /** @param asked whatever the load. @param burstGas that others want of the block beyond what they want of any */
  mine(timestampMs: number, asked = this.#fees.prices, burstGas = 0n): void {
    const { prices } = this.#blocks.add(timestampMs, asked, burstGas)
    this.#chain.mine(timestampMs, this.#forks, prices)
    this.#pool.look()
  }

  /** For nobody's money. @throws Reverted, as the contracts do; then nothing was sent */
  send(call: Call): void {
    call(this.#chain)
    this.#changes += 1
    this.#sent.push({ block: this.#blocks.count, call })
  }

  /** Makes it ready to be sent, for what the newest block suggests. */
  sign(transaction: Transaction): Signed {
    const offer = gasOffer(this.#newest.prices.gasWei, this.#suggestedTipWei)
    return { transaction, offer, at: this.#changes }
  }

  /** Its sender is told what came of it, as soon as a block has taken it: the newest, where that has no limit. */
  offer(signed: Signed): void {
    this.#pool.add(signed)
  }

  /** Throws where money or room came from nowhere, or went nowhere. */
  check(): void {
    this.purses.check()
    this.#blocks.check(this.purses.payments)
  }

  /** Takes back the newest blocks, but never the first, and mines others in their stead, in which nobody but others comes. */
  takeBack(blocks: number): void {
    const kept = Math.max(1, this.#blocks.count - blocks)
    const others = this.#blocks.takeBack(kept)
    const sent = this.#sent
    const { forks: before, changes } = this.#chain
    this.#forks += 1
    this.#changes += 1
    this.#done.clear()
    this.#chain = new FakeChain(this.#options)
    this.#sent = sent.filter(({ block }) => block <= kept)
    this.purses.takeBack(kept)
    this.#blocks.mined.forEach(({ timestampMs, prices }, index) => {
      this.#chain.mine(timestampMs, before[index], prices)
      for (const { block, call } of this.#sent) if (block === index + 1) call(this.#chain)
    })
    for (const { timestampMs, asked, burstGas } of others) {
      const { prices } = this.#blocks.add(timestampMs, asked, burstGas)
      this.#chain.mine(timestampMs, this.#forks, prices)
      this.#blocks.close()
    }
    for (const lost of sent) if (lost.block > kept) this.#sendAgain(lost)
    // Whoever follows the batches must see that they are others now.
    this.#chain.changes += changes + 1
  }

  #sendAgain({ call, signed }: Sent): void {
    if (signed) {
      this.#pool.restore(signed)
      return
    }
    try {
      this.send(call)
    } catch (error) {
      if (!(error instanceof Reverted)) throw error
    }
  }

  get #newest(): Block {
    return this.#blocks.newest
  }

  get #suggestedTipWei(): bigint {
    return this.#blocks.suggestedTipWei(this.#fees.tipWei)
  }

  /** An outbox asks before it sends: true where the chain would have refused it then, as it does now. */
  #wasRefused({ transaction, at }: Signed): boolean {
    const doneAt = this.#done.get(transaction.duty)
    return (doneAt ?? this.#changes) <= at
  }

  #take(signed: Signed): Taken {
    const { transaction, offer } = signed
    const { sender, load, call, told } = transaction
    const { prices, burstGas } = this.#newest
    const gasWei = gasPriceWei(offer, prices.gasWei)
    if (gasWei === undefined) return 'dear'
    if (!this.#blocks.hasRoom(gasLimit(load.gas), gasWei - prices.gasWei)) {
      if (burstGas > 0n) this.#counters.pressed += 1
      return 'full'
    }
    if (this.purses.leftWei(sender.address) < mostWei(load, offer, prices)) {
      this.#counters.penniless += 1
      told(new Reverted('InsufficientFunds'))
      return 'taken'
    }
    try {
      call(this.#chain)
    } catch (error) {
      if (!(error instanceof Reverted)) throw error
      const isSent = !(error instanceof NothingToDo) && !this.#wasRefused(signed)
      if (isSent) this.#pay(transaction, gasWei, true)
      told(error)
      return 'taken'
    }
    this.#changes += 1
    if (gasWei > 0n) this.#done.set(transaction.duty, this.#changes)
    this.#sent.push({ block: this.#blocks.count, call, signed })
    this.#pay(transaction, gasWei, false)
    told()
    return 'taken'
  }

  #pay(transaction: Transaction, gasWei: bigint, isVain: boolean): void {
    const { sender, what, batch, vainGas } = transaction
    const load = isVain ? { ...transaction.load, gas: vainGas } : transaction.load
    this.#blocks.use(load.gas)
    if (gasWei === 0n) return
    const { prices, asked, burstGas } = this.#newest
    const payment: Payment = {
      ...{ sender: sender.address, what, batch, block: this.#blocks.count, load },
      ...{ isVain, baseFeeWei: prices.gasWei, paid: { ...prices, gasWei } },
    }
    this.purses.pay(payment)
    if (isVain) this.#counters.inVain += 1
    if (asked.gasWei > this.#fees.prices.gasWei) this.#counters.dear += 1
    if (burstGas > 0n && prices.gasWei > asked.gasWei) this.#counters.pressed += 1
    this.#fees.onPaid?.(payment)
  }
}
