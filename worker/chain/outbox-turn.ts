/** One write's turn at the outbox: all that it asks the chain, for as long as it may take. */
import { keccak256, type PrivateKeyAccount } from 'viem'
import { z } from 'zod'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { ChainError } from './errors.ts'
import type { Attempt, Entry, OutboxStore } from './outbox-file.ts'
import { Block, hexBytes, quantity, Receipt, smallQuantity, toQuantity } from './quantities.ts'
import { explain, revertedError } from './reverts.ts'
import type { Rpc } from './rpc.ts'
import { sleep, whileUnreachable } from './wait.ts'

/** The state may move between estimate and block. */
const GAS_PERCENT = 120n

export interface WriteRequest {
  /** For people, after "refused to": `post batch 3`. */
  readonly what: string
  /** Missing to create a contract. */
  readonly to?: Address
  readonly data: `0x${string}`
  readonly valueWei?: bigint
}

export interface OutboxOptions {
  readonly rpc: Rpc
  readonly chainId: number
  readonly account: PrivateKeyAccount
  readonly store: OutboxStore
  /** How long one write may take, waits for a lost connection included, in ms. */
  readonly patienceMs?: number
  /** How often nonce and pool are compared with what we know, in ms. */
  readonly compareMs?: number
  /** A transaction that is in no block after this long is offered again for more, in ms. */
  readonly raiseMs?: number
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
    return whileUnreachable(
      () => this.#options.rpc.request(schema, method, params, this.#signal),
      this.#untilMs,
      this.#signal,
    )
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

  async prepare({ what, to, data, valueWei = 0n }: WriteRequest): Promise<Entry> {
    const call = { from: this.from, to, data, value: toQuantity(valueWei) }
    const estimate = this.ask(quantity, 'eth_estimateGas', [call]).catch((error: unknown) => {
      throw explain(error, what)
    })
    const [gas, latest, pending] = await Promise.all([
      estimate,
      this.nonce('latest'),
      this.nonce('pending'),
    ])
    const draft: Omit<Entry, 'attempts'> = {
      what,
      // More pending than mined: an earlier life of this key has something in the pool.
      nonce: Math.max(latest, pending),
      ...(to === undefined ? {} : { to }),
      data,
      valueWei,
      gas: (gas * GAS_PERCENT) / 100n,
    }
    return { ...draft, attempts: [await this.sign(draft, { maxFeeWei: 0n, tipWei: 0n })] }
  }

  async sign(
    { nonce, to, data, valueWei, gas }: Omit<Entry, 'attempts'>,
    floor: Pick<Attempt, 'maxFeeWei' | 'tipWei'>,
  ): Promise<Attempt> {
    const { account, chainId } = this.#options
    const head = await this.ask(Block, 'eth_getBlockByNumber', ['latest', false])
    const suggestedWei = await this.ask(quantity, 'eth_maxPriorityFeePerGas', [])
    const tipWei = larger(suggestedWei, floor.tipWei)
    // Twice the base fee covers five full blocks in a row (1.125 ** 5 = 1.8).
    const maxFeeWei = larger(2n * (head.baseFeePerGas ?? 0n) + tipWei, floor.maxFeeWei)
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

  /** The chain says that a mined transaction failed, but not why: the same call, made again, tells. */
  async whyReverted({ what, to, data, valueWei = 0n }: WriteRequest): Promise<unknown> {
    const call = { from: this.from, to, data, value: toQuantity(valueWei) }
    try {
      await this.ask(hexBytes, 'eth_call', [call, 'latest'])
    } catch (error) {
      return explain(error, what)
    }
    return revertedError(what, '0x')
  }
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}
