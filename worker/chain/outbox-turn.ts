/** One write's turn at the outbox: all that it asks the chain, for as long as it may take. */
import { keccak256, type PrivateKeyAccount } from 'viem'
import { z } from 'zod'
import type { Address } from '../../protocol/fields.ts'
import { type GasOffer, gasLimit, gasOffer, PLAIN_GAS } from '../../protocol/gas-offer.ts'
import type { Hash } from '../../protocol/hash.ts'
import { ChainError } from './errors.ts'
import type { Attempt, Entry, OutboxStore } from './outbox-file.ts'
import { Block, hexBytes, quantity, Receipt, smallQuantity, toQuantity } from './quantities.ts'
import { explain, outOfGasError, revertedError } from './reverts.ts'
import type { Rpc } from './rpc.ts'
import { isPassing, sleep, whileUnreachable } from './wait.ts'

export interface WriteRequest {
  /** For people, after "refused to": `post batch 3`. */
  readonly what: string
  /** Missing to create a contract. */
  readonly to?: Address
  readonly data: `0x${string}`
  readonly valueWei?: bigint
  /** Where the caller knows how much it takes. The chain is then not asked before whether it would refuse. */
  readonly gas?: bigint
}

export interface OutboxOptions {
  readonly rpc: Rpc
  readonly chainId: number
  readonly account: PrivateKeyAccount
  readonly store: OutboxStore
  /** How long one write may take, waits for a lost connection included, in ms. */
  readonly patienceMs?: number
  /** A write was asked for that an earlier call, or an earlier life, has left under way. */
  readonly onResumed?: (entry: Entry) => void
  /** How often nonce and pool are compared with what we know, in ms. */
  readonly compareMs?: number
  /** A transaction that is in no block after this long is offered again for more, in ms. */
  readonly raiseMs?: number
}

/** A signed transaction; without one, why the chain would refuse it. */
interface Prepared {
  readonly genesis: Hash
  readonly latest: number
  readonly entry?: Entry
  readonly refusal?: unknown
}

/** Every question is put again while the connection is lost and the turn not over. */
export class Turn {
  readonly #options: OutboxOptions
  readonly #untilMs: number
  readonly #signal: AbortSignal | undefined

  constructor(options: OutboxOptions, untilMs: number, signal: AbortSignal | undefined) {
    this.#options = options
    this.#untilMs = untilMs
    this.#signal = signal
  }

  get from(): Address {
    return this.#options.account.address.toLowerCase() as Address
  }

  ask<S extends z.ZodType>(schema: S, method: string, params: readonly unknown[]) {
    return this.#patiently(() => this.#options.rpc.request(schema, method, params, this.#signal))
  }

  #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    return whileUnreachable(attempt, this.#untilMs, this.#signal)
  }

  async pause(ms: number, what: string): Promise<void> {
    await sleep(ms, this.#signal)
    if (performance.now() < this.#untilMs) return
    throw new ChainError(
      'timeout',
      `the transaction to ${what} is in no block yet; it stays in the outbox, and the next one waits for it`,
    )
  }

  nonce(tag: 'latest' | 'pending'): Promise<number> {
    return this.ask(smallQuantity, 'eth_getTransactionCount', [this.from, tag])
  }

  send(raw: `0x${string}`): Promise<unknown> {
    return this.ask(z.unknown(), 'eth_sendRawTransaction', [raw])
  }

  async isKnown({ attempts }: Entry): Promise<boolean> {
    for (const { hash } of attempts) {
      if ((await this.ask(z.unknown(), 'eth_getTransactionByHash', [hash])) !== null) return true
    }
    return false
  }

  /**
   * True where the nonce is used and none of the attempts is mined. One node answers both, the nonce first: of two nodes
   * one may know a block that the other does not, and a transaction taken for lost would be made twice.
   */
  isOvertaken(entry: Entry): Promise<boolean> {
    return this.#patiently(() => this.#isOvertaken(entry))
  }

  async #isOvertaken({ nonce, attempts }: Entry): Promise<boolean> {
    const node = await this.#options.rpc.pinned(this.#signal)
    const params = [this.from, 'latest']
    const next = await node.request(smallQuantity, 'eth_getTransactionCount', params, this.#signal)
    if (next <= nonce) return false
    for (const { hash } of attempts) {
      const method = 'eth_getTransactionReceipt'
      if (await node.request(Receipt.nullable(), method, [hash], this.#signal)) return false
    }
    return true
  }

  async findReceipt({
    attempts,
  }: Entry): Promise<{ receipt: Receipt; attempt: Attempt } | undefined> {
    for (const attempt of attempts) {
      const receipt = await this.ask(Receipt.nullable(), 'eth_getTransactionReceipt', [
        attempt.hash,
      ])
      if (receipt) return { receipt, attempt }
    }
    return undefined
  }

  /** All that is asked before a transaction is sent, at once: what it came to, and on which state of the chain. */
  async prepare({ what, to, data, valueWei = 0n, gas: known }: WriteRequest): Promise<Prepared> {
    const call = { from: this.from, to, data, value: toQuantity(valueWei) }
    const estimate =
      known === undefined ? this.ask(quantity, 'eth_estimateGas', [call]).catch(asError) : known
    const [gas, latest, pending, offer, { hash: genesis }] = await Promise.all([
      estimate,
      this.nonce('latest'),
      this.nonce('pending'),
      this.#offer(),
      this.ask(Block, 'eth_getBlockByNumber', ['0x0', false]),
    ])
    if (gas instanceof Error) return { genesis, latest, refusal: explain(gas, what, this.from) }
    const draft: Omit<Entry, 'attempts'> = {
      what,
      // More pending than mined: an earlier life of this key has something in the pool.
      nonce: Math.max(latest, pending),
      ...(to === undefined ? {} : { to }),
      data,
      valueWei,
      gas: known ?? gasLimit(gas),
    }
    return { genesis, latest, entry: { ...draft, attempts: [await this.#sign(draft, offer)] } }
  }

  /** The same transaction, offered for no less than `floor`. */
  async signAnew(entry: Entry, floor: GasOffer): Promise<Attempt> {
    return await this.#sign(entry, await this.#offer(floor))
  }

  /** The cheapest that takes its nonce: this account sends itself nothing. */
  async signEmpty({ what, nonce }: Entry, floor: GasOffer): Promise<Attempt> {
    const draft = { what, nonce, to: this.from, data: '0x', valueWei: 0n, gas: PLAIN_GAS } as const
    return { ...(await this.#sign(draft, await this.#offer(floor))), isEmpty: true }
  }

  /**
   * What a contract would answer to a transaction that is next, were it mined now as it is signed; `undefined` where it
   * would take it, or where nobody can say, since others of this account come first. One node answers both.
   */
  refusalOf(entry: Entry): Promise<ChainError | undefined> {
    return this.#patiently(() => this.#refusalOf(entry))
  }

  async #refusalOf({ what, nonce, to, data, valueWei, gas }: Entry) {
    const { rpc } = this.#options
    const node = await rpc.pinned(this.#signal)
    const params = [this.from, 'latest']
    const next = await node.request(smallQuantity, 'eth_getTransactionCount', params, this.#signal)
    if (next !== nonce) return undefined
    const call = { from: this.from, to, data, value: toQuantity(valueWei), gas: toQuantity(gas) }
    try {
      await node.request(hexBytes, 'eth_call', [call, 'latest'], this.#signal)
      return undefined
    } catch (error) {
      if (isPassing(error)) throw error
      const why = asError(explain(error, what, this.from))
      return why.code === 'reverted' ? why : undefined
    }
  }

  /** What the chain asks for now, or `floor` where that is more. */
  async #offer(floor?: GasOffer): Promise<GasOffer> {
    const [head, suggestedWei] = await Promise.all([
      this.ask(Block, 'eth_getBlockByNumber', ['latest', false]),
      this.ask(quantity, 'eth_maxPriorityFeePerGas', []),
    ])
    return gasOffer(head.baseFeePerGas ?? 0n, suggestedWei, floor)
  }

  async #sign(
    { nonce, to, data, valueWei, gas }: Omit<Entry, 'attempts'>,
    { maxFeeWei, tipWei }: GasOffer,
  ): Promise<Attempt> {
    const { account, chainId } = this.#options
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce,
      ...(to === undefined ? {} : { to }),
      data,
      value: valueWei,
      gas,
      maxFeePerGas: maxFeeWei,
      maxPriorityFeePerGas: tipWei,
    })
    return { hash: keccak256(raw) as Hash, raw, maxFeeWei, tipWei }
  }

  /** The chain says that a mined transaction failed, but not why: the same call, made again, tells, or its gas does. */
  async whyFailed(
    { what, to, data, valueWei = 0n }: WriteRequest,
    { gas }: Entry,
    { gasUsed }: Receipt,
  ): Promise<unknown> {
    const call = { from: this.from, to, data, value: toQuantity(valueWei) }
    try {
      await this.ask(hexBytes, 'eth_call', [call, 'latest'])
    } catch (error) {
      return explain(error, what, this.from)
    }
    // A contract may give all but a 64th to another, which may use it up.
    return 64n * gasUsed >= 63n * gas ? outOfGasError(what, gas) : revertedError(what, '0x')
  }
}

/** The chain's refusal waits for the other answers; nobody else knows what to make of anything else. */
function asError(error: unknown): ChainError {
  if (error instanceof ChainError && error.code !== 'aborted') return error
  throw error
}
