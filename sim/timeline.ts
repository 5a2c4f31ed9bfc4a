/**
 * The fake L2 over time: what was sent to it and when, so that it can take blocks back. What stood in them is sent again at
 * once, as the outboxes of real nodes do. And what that cost: a block takes no transaction that offers less than its base
 * fee.
 */
import type { Prices } from '../protocol/batch-cost.ts'
import { gasOffer, gasPriceWei } from '../protocol/gas-offer.ts'
import { FakeChain, type FakeChainOptions } from './chain.ts'
import { NothingToDo, Reverted } from './contract.ts'
import { type Call, Mempool, mostWei, type Signed, type Transaction } from './mempool.ts'
import { type Payment, Purses } from './purses.ts'

export interface Fees {
  /** What blocks ask for as a rule. */
  readonly prices: Prices
  readonly tipWei: bigint
  /** What each node has at first to pay of. */
  readonly purseWei: bigint
  readonly onPaid?: (payment: Payment) => void
}

const FREE: Fees = { prices: { gasWei: 0n, byteWei: 0n }, tipWei: 0n, purseWei: 0n }

interface Block {
  readonly timestampMs: number
  readonly prices: Prices
}

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
  readonly #mined: Block[] = []
  #sent: Sent[] = []
  #forks = 0
  /** Counts calls that changed something, and forks. */
  #changes = 0
  /** When each duty was last done, by that count. */
  readonly #done = new Map<string, number>()
  readonly #counters = { dear: 0, inVain: 0, penniless: 0 }

  constructor(options: FakeChainOptions, fees = FREE) {
    this.#options = options
    this.#fees = fees
    this.#chain = new FakeChain(options)
    this.purses = new Purses(fees.purseWei)
    this.#pool = new Mempool({
      newest: () => this.#newest,
      tipWei: fees.tipWei,
      leftWei: (node) => this.purses.leftWei(node),
      sign: (transaction) => this.sign(transaction),
      refuses: ({ duty }) => this.#done.has(duty),
      take: (signed) => this.#take(signed),
    })
  }

  /** As it stands now: who holds on to it holds what may have been taken back. */
  get chain(): FakeChain {
    return this.#chain
  }

  /** How often each thing happened to transactions. */
  get counters(): Readonly<Record<string, number>> {
    const { counters } = this.#pool
    return { ...this.#counters, ...counters, felt: this.#counters.dear + counters.pricedOut }
  }

  /** The longest that a transaction has waited for its block. */
  get longestWaitMs(): number {
    return this.#pool.longestMs
  }

  mine(timestampMs: number, prices = this.#fees.prices): void {
    this.#mined.push({ timestampMs, prices })
    this.#chain.mine(timestampMs, this.#forks, prices)
    this.#pool.look()
  }

  /** For nobody's money. @throws Reverted, as the contracts do; then nothing was sent */
  send(call: Call): void {
    call(this.#chain)
    this.#changes += 1
    this.#sent.push({ block: this.#mined.length, call })
  }

  /** Makes it ready to be sent, for what the newest block suggests. */
  sign(transaction: Transaction): Signed {
    const offer = gasOffer(this.#newest.prices.gasWei, this.#fees.tipWei)
    return { transaction, offer, at: this.#changes }
  }

  /** Its sender is told what came of it, as soon as a block has taken it. */
  offer(signed: Signed): void {
    this.#pool.add(signed)
  }

  /** Takes back the newest blocks, but never the first, and mines others in their stead. */
  takeBack(blocks: number): void {
    const kept = Math.max(1, this.#mined.length - blocks)
    const sent = this.#sent
    const { forks: before, changes } = this.#chain
    this.#forks += 1
    this.#changes += 1
    this.#done.clear()
    this.#chain = new FakeChain(this.#options)
    this.#sent = sent.filter(({ block }) => block <= kept)
    this.purses.takeBack(kept)
    this.#mined.forEach(({ timestampMs, prices }, index) => {
      const number = index + 1
      this.#chain.mine(timestampMs, number <= kept ? before[index] : this.#forks, prices)
      for (const { block, call } of this.#sent) if (block === number) call(this.#chain)
    })
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
    return this.#mined.at(-1)!
  }

  /** An outbox asks before it sends: true where the chain would have refused it then, as it does now. */
  #wasRefused({ transaction, at }: Signed): boolean {
    const doneAt = this.#done.get(transaction.duty)
    return (doneAt ?? this.#changes) <= at
  }

  #take(signed: Signed): boolean {
    const { transaction, offer } = signed
    const { sender, load, call, told } = transaction
    const { prices } = this.#newest
    const gasWei = gasPriceWei(offer, prices.gasWei)
    if (gasWei === undefined) return false
    if (this.purses.leftWei(sender.address) < mostWei(load, offer, prices)) {
      this.#counters.penniless += 1
      told(new Reverted('InsufficientFunds'))
      return true
    }
    try {
      call(this.#chain)
    } catch (error) {
      if (!(error instanceof Reverted)) throw error
      const isSent = !(error instanceof NothingToDo) && !this.#wasRefused(signed)
      if (isSent) this.#pay(transaction, gasWei, true)
      told(error)
      return true
    }
    this.#changes += 1
    if (gasWei > 0n) this.#done.set(transaction.duty, this.#changes)
    this.#sent.push({ block: this.#mined.length, call, signed })
    this.#pay(transaction, gasWei, false)
    told()
    return true
  }

  #pay(transaction: Transaction, gasWei: bigint, isVain: boolean): void {
    if (gasWei === 0n) return
    const { sender, what, batch, load, vainGas } = transaction
    const { prices } = this.#newest
    const payment: Payment = {
      ...{ sender: sender.address, what, batch, block: this.#mined.length },
      ...{ isVain, baseFeeWei: prices.gasWei, paid: { ...prices, gasWei } },
      load: isVain ? { ...load, gas: vainGas } : load,
    }
    this.purses.pay(payment)
    if (isVain) this.#counters.inVain += 1
    if (prices.gasWei > this.#fees.prices.gasWei) this.#counters.dear += 1
    this.#fees.onPaid?.(payment)
  }
}
