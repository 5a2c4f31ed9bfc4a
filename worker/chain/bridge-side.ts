/**
 * viem over our own connection, for one side of a bridge. What is sent is written down first: a hash is known as soon as
 * a transaction is signed, so a crash in between loses none.
 */
import {
  type Chain,
  type Client,
  createClient,
  custom,
  type Hash,
  type Hex,
  keccak256,
  type PrivateKeyAccount,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  type Transport,
} from 'viem'
import { getCode, getTransactionReceipt } from 'viem/actions'
import { z } from 'zod'
import { gasLimit, WRITE_PATIENCE_MS } from '../../protocol/gas-offer.ts'
import { told } from './bridge-errors.ts'
import { RpcError } from './endpoint.ts'
import { ChainError } from './errors.ts'
import { quantity, smallQuantity, toQuantity } from './quantities.ts'
import { Rpc, type RpcAddress } from './rpc.ts'
import { isPassing, sleep, whileUnreachable } from './wait.ts'

/** JSON-RPC 2.0, section 5.1. */
const METHOD_NOT_FOUND = -32_601
/** A block of an OP Stack chain comes every 2 s, one of Ethereum every 12, in ms. */
const LOOK_MS = 500

/** Keeps a transaction in mind before it is sent; `undo` where the chain will not have it. */
export interface Reminder {
  remember(hash: Hash): Promise<void>
  undo(hash: Hash): Promise<void>
}

interface Question {
  readonly method: string
  readonly params?: unknown
}

export class Side<C extends Chain> {
  readonly client: Client<Transport, C, PrivateKeyAccount>
  readonly #rpc: Rpc
  readonly #signal: AbortSignal | undefined
  #reminder: Reminder | undefined

  constructor(address: RpcAddress, chain: C, account: PrivateKeyAccount, signal?: AbortSignal) {
    this.#rpc = new Rpc(address, { chainId: chain.id })
    this.#signal = signal
    this.client = createClient({
      chain,
      account,
      // Many games are read in one call, on chains without a contract for that, too.
      batch: { multicall: { deployless: true } },
      transport: custom(
        { request: (question: Question) => this.#request(question) },
        { retryCount: 0 },
      ),
    })
  }

  get url(): string {
    return this.#rpc.url
  }

  close(): void {
    this.#rpc.close()
  }

  /** Throws `ChainError` `wrong-chain` where another chain answers. */
  async checkChain(name: string): Promise<void> {
    const expected = this.client.chain.id
    const answered = await this.#rpc.request(smallQuantity, 'eth_chainId', [], this.#signal)
    if (answered === expected) return
    throw new ChainError(
      'wrong-chain',
      `${this.url} is chain ${answered}, and the bridge file says that ${name} is ${expected}; correct one of the two`,
    )
  }

  /** Throws `ChainError` `wrong-chain` where there is no contract. */
  async checkContract(name: string, address: Hex): Promise<void> {
    const code = await getCode(this.client, { address })
    if (code !== undefined && code !== '0x') return
    throw new ChainError('wrong-chain', `${this.url} has no ${name} at ${address}`)
  }

  /** Sends what `send` sends, written down before. */
  async write(reminder: Reminder, send: () => Promise<Hash>): Promise<Hash> {
    this.#reminder = reminder
    try {
      return await send()
    } finally {
      this.#reminder = undefined
    }
  }

  /** The receipt, where it is mined. */
  async receipt(hash: Hash): Promise<TransactionReceipt | undefined> {
    try {
      return await getTransactionReceipt<Chain>(this.client, { hash })
    } catch (error) {
      if (error instanceof TransactionReceiptNotFoundError) return undefined
      throw error
    }
  }

  /** Waits for the receipt, for as long as the caller will. */
  async mined(hash: Hash): Promise<TransactionReceipt> {
    for (;;) {
      const receipt = await this.#receiptAtLast(hash)
      if (receipt) return receipt
      await sleep(LOOK_MS, this.#signal)
    }
  }

  async #receiptAtLast(hash: Hash): Promise<TransactionReceipt | undefined> {
    const untilMs = performance.now() + WRITE_PATIENCE_MS
    const look = () => told('look for the receipt', () => this.receipt(hash))
    try {
      return await whileUnreachable(look, untilMs, this.#signal)
    } catch (error) {
      throw isPassing(error) ? perhapsSent(hash, error) : error
    }
  }

  /** True where the chain has this transaction, mined or not. */
  async knows(hash: Hash): Promise<boolean> {
    const found = await this.#rpc.request(
      z.unknown(),
      'eth_getTransactionByHash',
      [hash],
      this.#signal,
    )
    return found !== null
  }

  async #request({ method, params }: Question): Promise<unknown> {
    const given = (params ?? []) as readonly unknown[]
    const ask = () => this.#rpc.request(z.unknown(), method, given, this.#signal)
    const reminder = this.#reminder
    if (method === 'eth_fillTransaction') throw unknownMethod()
    if (method === 'eth_estimateGas') return roomier(await asViem(ask))
    if (method !== 'eth_sendRawTransaction' || !reminder) return await asViem(ask)
    const hash = keccak256(given[0] as Hex)
    await reminder.remember(hash)
    try {
      return await asViem(ask)
    } catch (error) {
      // Whether a lost connection lost the transaction, too, a later look will tell.
      if (error instanceof ChainError) throw perhapsSent(hash, error)
      // Another node may have had it already, over which this one stumbles.
      if (await this.knows(hash)) return hash
      await reminder.undo(hash)
      throw error
    }
  }
}

/** What a transaction offers is for its sender to say: viem reckons it by itself where an RPC does not. */
function unknownMethod(): Error {
  return Object.assign(new Error('not asked of an RPC'), { code: METHOD_NOT_FOUND })
}

/** An estimate, with what may change until a block comes: the portal burns more gas where the base fee has fallen. */
function roomier(estimate: unknown): unknown {
  const gas = quantity.safeParse(estimate)
  return gas.success ? toQuantity(gasLimit(gas.data)) : estimate
}

function perhapsSent(hash: Hash, { code, message }: ChainError): ChainError {
  const advice = 'look at the status before you send another'
  return new ChainError(code, `${message} Transaction ${hash} may be on its way: ${advice}`)
}

/** An answer that is an error, in the shape by which viem tells a revert from the rest. */
async function asViem<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const said = error instanceof ChainError ? error.cause : undefined
    if (!(said instanceof RpcError)) throw error
    throw Object.assign(new Error(said.message), { code: said.rpcCode, data: said.data })
  }
}
