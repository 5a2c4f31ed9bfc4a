/**
 * Transactions that no block has taken yet. A sender's are taken one after the other, as its outbox sends them: what was
 * signed waits until a block asks for no more than it offers, and is offered for more after a while; what comes behind it
 * is signed only then. What the chain has forgotten comes before that, and is raised as well. Where blocks have a limit, those
 * who tip most come first, as an OP Stack sequencer takes them, and who finds no room waits like who offers too little.
 */
import { type Load, PLAIN_BYTES, type Prices } from '../protocol/batch-cost.ts'
import type { Address } from '../protocol/fields.ts'
import {
  type GasOffer,
  gasLimit,
  gasOffer,
  gasPriceWei,
  MAX_OFFERS,
  PLAIN_GAS,
  RAISE_MS,
  raised,
  WRITE_PATIENCE_MS,
} from '../protocol/gas-offer.ts'
import type { FakeChain } from './chain.ts'
import { Reverted } from './contract.ts'

export type Call = (chain: FakeChain) => void

export interface Transaction {
  readonly sender: { readonly address: Address; readonly up: boolean }
  readonly duty: string
  /** The kind of duty. */
  readonly what: string
  /** Of a post: the number of the batch. */
  readonly batch: number | undefined
  readonly load: Load
  /** Where its block takes it and the contract refuses it. */
  readonly vainGas: bigint
  readonly call: Call
  /** The life of the sender that asked for it is over. */
  isForgotten(): boolean
  /** Is told once what came of it. @param why it was refused, or is given up; nothing where it is done */
  told(why?: Reverted): void
}

/** As it is sent. */
export interface Signed {
  readonly transaction: Transaction
  readonly offer: GasOffer
  /** How often the chain had changed by then. */
  readonly at: number
}

/** What becomes of a transaction that a block is to take: it offers too little, or there is no room for it. */
export type Taken = 'taken' | 'dear' | 'full'

/** The chain, to the pool. */
export interface Chain {
  /** Whether a block is closed when it is there, so that what is sent waits for the next. */
  readonly areLimited: boolean
  /** What it suggests now. */
  tipWei(): bigint
  newest(): { readonly timestampMs: number; readonly prices: Prices }
  leftWei(node: Address): bigint
  sign(transaction: Transaction): Signed
  /** True where the contract would answer that it is done. */
  refuses(transaction: Transaction): boolean
  /** Into the newest block. */
  take(signed: Signed): Taken
  /** No more of them come into it: others have what is left. */
  close(): void
}

/** What an empty transaction is for. */
const NOTHING = 'nothing'

interface Waiting {
  readonly transaction: Transaction
  /** None as long as others of its sender are in front of it. */
  signed: Signed | undefined
  readonly sinceMs: number
  raiseAtMs: number
  offers: number
  isTold: boolean
  /** It was mined once, and forgotten. */
  readonly isRestored: boolean
  /** Why blocks have not taken it. */
  readonly why: Set<Taken>
  /** The contract would have refused it when it was last to be raised. */
  wasRefused: boolean
}

export class Mempool {
  /** How often each thing happened. */
  readonly counters = { pricedOut: 0, crowdedOut: 0, raised: 0, emptied: 0, givenUp: 0 }
  /** The longest that any has waited. */
  longestMs = 0
  readonly #chain: Chain
  readonly #queues = new Map<Address, Waiting[]>()

  constructor(chain: Chain) {
    this.#chain = chain
  }

  add(signed: Signed): void {
    const { address } = signed.transaction.sender
    const queue = this.#queues.get(address)
    if (queue) queue.push(this.#waiting(signed.transaction))
    else if (this.#chain.areLimited) {
      this.#queues.set(address, [this.#waiting(signed.transaction, signed)])
    } else if (this.#chain.take(signed) !== 'taken') {
      this.counters.pricedOut += 1
      this.#queues.set(address, [this.#waiting(signed.transaction, signed)])
    }
  }

  /** Sends again what the chain has forgotten: as it was, before all that was signed after it. */
  restore(signed: Signed): void {
    const silent = silenced(signed)
    const { address } = signed.transaction.sender
    const queue = this.#queues.get(address) ?? []
    const place = queue.filter(({ isRestored }) => isRestored).length
    if (!this.#chain.areLimited) {
      if (place === 0 && this.#chain.take(silent) === 'taken') return
      this.counters.pricedOut += 1
    }
    const waiting = this.#waiting(silent.transaction, silent)
    queue.splice(place, 0, { ...waiting, isRestored: true, isTold: true })
    this.#queues.set(address, queue)
  }

  #waiting(transaction: Transaction, signed?: Signed): Waiting {
    const sinceMs = this.#chain.newest().timestampMs
    return {
      ...{ transaction, signed, sinceMs, raiseAtMs: sinceMs + RAISE_MS, offers: 1 },
      ...{ isTold: false, isRestored: false, wasRefused: false, why: new Set<Taken>() },
    }
  }

  /** There is a new block. */
  look(): void {
    if (this.#chain.areLimited) this.#fill()
    else this.#drain()
  }

  /** Takes what each has signed, those first who tip most. Who has to wait holds up all that it has sent after. */
  #fill(): void {
    const left = new Set(this.#queues.keys())
    for (let sender = this.#dearest(left); sender; sender = this.#dearest(left)) {
      const queue = this.#queues.get(sender)!
      if (this.#isTaken(queue[0]!)) queue.shift()
      else left.delete(sender)
    }
    this.#chain.close()
    for (const [sender, queue] of this.#queues) {
      // For the next block: its outbox has seen that what was in front of it is in this one.
      while (queue.length > 0 && !this.#sign(queue[0]!)) queue.shift()
      if (queue.length === 0) this.#queues.delete(sender)
      else this.#keep(queue)
    }
  }

  /** Who of them has signed something that tips most, or has come first of those who tip as much. */
  #dearest(left: ReadonlySet<Address>): Address | undefined {
    const { gasWei } = this.#chain.newest().prices
    let [dearest, mostWei] = [undefined as Address | undefined, 0n]
    for (const sender of left) {
      const signed = this.#queues.get(sender)![0]?.signed
      if (!signed) continue
      const tipWei = (gasPriceWei(signed.offer, gasWei) ?? gasWei) - gasWei
      if (dearest === undefined || tipWei > mostWei) [dearest, mostWei] = [sender, tipWei]
    }
    return dearest
  }

  #drain(): void {
    for (const [sender, queue] of this.#queues) {
      while (queue.length > 0 && (!this.#sign(queue[0]!) || this.#isTaken(queue[0]!))) {
        queue.shift()
      }
      if (queue.length === 0) this.#queues.delete(sender)
      else this.#keep(queue)
    }
  }

  /** False where nobody wants it any more. */
  #sign(waiting: Waiting): boolean {
    const { transaction } = waiting
    if (waiting.signed) return true
    if (waiting.isTold || transaction.isForgotten()) return false
    waiting.signed = this.#chain.sign(transaction)
    waiting.raiseAtMs = this.#chain.newest().timestampMs + RAISE_MS
    return true
  }

  #isTaken({ signed, sinceMs, why }: Waiting): boolean {
    const taken = this.#chain.take(signed!)
    if (taken === 'taken') {
      this.longestMs = Math.max(this.longestMs, this.#chain.newest().timestampMs - sinceMs)
      return true
    }
    if (this.#chain.areLimited && !why.has(taken)) {
      why.add(taken)
      this.counters[taken === 'dear' ? 'pricedOut' : 'crowdedOut'] += 1
    }
    return false
  }

  /** Its first has to wait. */
  #keep(queue: Waiting[]): void {
    const first = queue[0]!
    const isLong = this.#chain.newest().timestampMs >= first.raiseAtMs
    if (first.transaction.sender.up && isLong) this.#raise(first, queue.length > 1)
    this.#giveUp(queue)
  }

  /**
   * A pool takes a dearer one in its stead from whoever could pay it. For what would be refused twice in a row no more is
   * paid: where others wait behind it, one that does nothing takes its place.
   */
  #raise(waiting: Waiting, isAwaited: boolean): void {
    const { timestampMs, prices } = this.#chain.newest()
    waiting.raiseAtMs = timestampMs + RAISE_MS
    if (waiting.offers >= MAX_OFFERS) return
    const { wasRefused, signed } = waiting
    const isEmpty = signed!.transaction.what === NOTHING
    waiting.wasRefused = !isEmpty && this.#chain.refuses(signed!.transaction)
    if (waiting.wasRefused && !(wasRefused && isAwaited)) return
    const transaction = waiting.wasRefused ? emptied(signed!.transaction) : signed!.transaction
    const { offer: before } = signed!
    const offer = gasOffer(prices.gasWei, this.#chain.tipWei(), raised(before))
    const { address } = transaction.sender
    if (this.#chain.leftWei(address) < mostWei(transaction.load, offer, prices)) return
    waiting.offers += 1
    waiting.signed = { ...signed!, transaction, offer }
    this.counters[waiting.wasRefused ? 'emptied' : 'raised'] += 1
  }

  /** Whoever asked for it is told that it takes too long. What is signed stays where it is; the rest is let be. */
  #giveUp(queue: Waiting[]): void {
    const nowMs = this.#chain.newest().timestampMs
    for (const waiting of queue) {
      if (waiting.isTold || nowMs < waiting.sinceMs + WRITE_PATIENCE_MS) continue
      waiting.isTold = true
      this.counters.givenUp += 1
      waiting.transaction.told(new Reverted('Timeout'))
      if (waiting.signed) waiting.signed = silenced(waiting.signed)
    }
  }
}

/** What its sender must have: all the gas it may take for all that it offers, and its data at the price of now. */
export function mostWei(
  { gas, bytes }: Load,
  { maxFeeWei }: GasOffer,
  { byteWei }: Prices,
): bigint {
  return gasLimit(gas) * maxFeeWei + bytes * byteWei
}

/** Takes its place in its sender's order, and changes nothing. */
function emptied(transaction: Transaction): Transaction {
  const call: Call = () => {
    throw new Reverted('DoneByOther')
  }
  const load = { gas: PLAIN_GAS, bytes: PLAIN_BYTES }
  return { ...transaction, what: NOTHING, load, vainGas: PLAIN_GAS, call }
}

/** The same, whose sender has been told what to think of it. */
function silenced(signed: Signed): Signed {
  return { ...signed, transaction: { ...signed.transaction, told: () => {} } }
}
