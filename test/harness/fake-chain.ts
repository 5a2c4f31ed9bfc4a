/**
 * A chain as a JSON-RPC server sees it, small enough to do every evil at will: lose blocks, forget its pool, drop
 * connections, replace history. Speaks HTTP, so that what is tested is the real connection code.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keccak256, parseTransaction, toHex } from 'viem'
import type { Hash } from '../../protocol/hash.ts'

export interface FakeLog {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
}

interface FakeBlock {
  readonly number: number
  readonly hash: Hash
  readonly parentHash: Hash
  readonly logs: readonly FakeLog[]
  readonly transactions: readonly `0x${string}`[]
}

type Handler = (params: readonly unknown[]) => unknown

export class FakeChain {
  readonly blocks: FakeBlock[] = []
  /** Signed transactions that wait for a block, by nonce. */
  readonly pool = new Map<number, `0x${string}`>()
  /** Every transaction that was offered, in order. */
  readonly offered: `0x${string}`[] = []
  /** While true, connections are cut without an answer. */
  isDown = false
  /** Whether a transaction is mined as soon as it is offered. */
  minesAtOnce = true
  /** What new blocks ask for a unit of gas; what offers less waits in the pool. */
  baseFeeWei = 100n
  /** Whether the pool takes what offers less than that. */
  takesCheap = true
  /** Answers in place of the chain's own, by method. */
  readonly overrides = new Map<string, Handler>()
  readonly #server: Server
  #salt = 0

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += String(chunk)
      })
      request.on('end', () => {
        if (this.isDown) {
          request.socket.destroy()
          return
        }
        response.end(JSON.stringify(this.#answer(JSON.parse(body))))
      })
    })
    this.mine()
  }

  static async start(): Promise<FakeChain> {
    const chain = new FakeChain()
    await new Promise<void>((resolve) => chain.#server.listen(0, '127.0.0.1', resolve))
    return chain
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get head(): FakeBlock {
    return this.blocks.at(-1)!
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Adds a block with what of the pool is next in line, and with these logs. */
  mine(logs: readonly FakeLog[] = []): FakeBlock {
    const transactions: `0x${string}`[] = []
    for (let nonce = this.nonce; this.pool.has(nonce); nonce++) {
      const raw = this.pool.get(nonce)!
      if (feeOf(raw) < this.baseFeeWei) break
      transactions.push(raw)
      this.pool.delete(nonce)
    }
    const number = this.blocks.length
    const parentHash = (this.blocks.at(-1)?.hash ?? `0x${'0'.repeat(64)}`) as Hash
    const hash = keccak256(toHex(`${number} ${parentHash} ${this.#salt}`)) as Hash
    const block = { number, hash, parentHash, logs, transactions }
    this.blocks.push(block)
    return block
  }

  /** Loses the newest blocks, and all that was in them; what comes in their place has other hashes. */
  forget(count: number): void {
    this.blocks.splice(this.blocks.length - count)
    this.#salt++
  }

  /** Transactions mined so far. */
  get nonce(): number {
    return this.blocks.reduce((sum, { transactions }) => sum + transactions.length, 0)
  }

  /** Data of all mined transactions, in order. */
  get minedData(): string[] {
    return this.blocks.flatMap(({ transactions }) =>
      transactions.map((raw) => parseTransaction(raw).data ?? '0x'),
    )
  }

  /** The chain's own answer to a method, or that of an override. */
  handle(method: string, params: readonly unknown[]): unknown {
    const override = this.overrides.get(method)
    return override ? (override(params) ?? null) : this.own(method, params)
  }

  /** What it answers without overrides. */
  own(method: string, params: readonly unknown[]): unknown {
    const handler = this.#handlers[method]
    if (!handler) throw new FakeError(-32601, `no method ${method}`)
    return handler(params) ?? null
  }

  #answer({ id, method, params }: { id: number; method: string; params: unknown[] }): unknown {
    try {
      return { jsonrpc: '2.0', id, result: this.handle(method, params) }
    } catch (error) {
      if (!(error instanceof FakeError)) throw error
      const { code, message, data } = error
      return { jsonrpc: '2.0', id, error: { code, message, data } }
    }
  }

  readonly #handlers: Record<string, Handler> = {
    eth_chainId: () => '0x7a69',
    eth_blockNumber: () => quantity(this.head.number),
    eth_maxPriorityFeePerGas: () => '0x1',
    eth_estimateGas: () => '0x5208',
    eth_call: () => '0x',
    eth_getTransactionCount: ([, tag]) => {
      let nonce = this.nonce
      if (tag === 'pending') while (this.pool.has(nonce)) nonce++
      return quantity(nonce)
    },
    eth_sendRawTransaction: ([raw]) => this.#offer(raw as `0x${string}`),
    eth_getTransactionByHash: ([hash]) => {
      const known = [...this.pool.values(), ...this.blocks.flatMap((block) => block.transactions)]
      return known.some((raw) => keccak256(raw) === hash) ? { hash } : null
    },
    eth_getTransactionReceipt: ([hash]) => this.#receipt(hash as Hash),
    eth_getBlockByNumber: ([at]) => {
      const block = at === 'latest' ? this.head : this.blocks[Number(at)]
      return block && rpcBlock(block, this.baseFeeWei)
    },
    eth_getBlockByHash: ([hash]) => {
      const block = this.blocks.find((one) => one.hash === hash)
      return block && rpcBlock(block, this.baseFeeWei)
    },
    eth_getLogs: ([filter]) => {
      const { fromBlock, toBlock, blockHash } = filter as Record<string, string>
      const blocks =
        blockHash === undefined
          ? this.blocks.slice(Number(fromBlock), Number(toBlock) + 1)
          : this.blocks.filter(({ hash }) => hash === blockHash)
      if (blockHash !== undefined && blocks.length === 0) {
        throw new FakeError(-32000, 'unknown block')
      }
      return blocks.flatMap((block) => block.logs.map((log, index) => rpcLog(block, log, index)))
    },
  }

  #offer(raw: `0x${string}`): string {
    const { nonce = 0 } = parseTransaction(raw)
    this.offered.push(raw)
    const waiting = this.pool.get(nonce)
    if (nonce < this.nonce) throw new FakeError(-32003, 'nonce too low')
    if (waiting === raw) throw new FakeError(-32003, 'transaction already imported')
    if (waiting && feeOf(raw) * 100n < feeOf(waiting) * 110n) {
      throw new FakeError(-32003, 'replacement transaction underpriced')
    }
    if (!this.takesCheap && feeOf(raw) < this.baseFeeWei) {
      throw new FakeError(-32003, 'max fee per gas less than block base fee')
    }
    this.pool.set(nonce, raw)
    if (this.minesAtOnce) this.mine()
    return keccak256(raw)
  }

  #receipt(hash: Hash): unknown {
    const block = this.blocks.find(({ transactions }) =>
      transactions.some((raw) => keccak256(raw) === hash),
    )
    return (
      block && {
        transactionHash: hash,
        blockNumber: quantity(block.number),
        status: '0x1',
        gasUsed: '0x5208',
        logs: [],
      }
    )
  }
}

/** An error that the fake answers with. */
export class FakeError extends Error {
  readonly code: number
  readonly data: string | undefined

  constructor(code: number, message: string, data?: string) {
    super(message)
    this.code = code
    this.data = data
  }
}

function feeOf(raw: `0x${string}`): bigint {
  return parseTransaction(raw).maxFeePerGas ?? 0n
}

function rpcBlock({ number, hash, parentHash }: FakeBlock, baseFeeWei: bigint) {
  const timestamp = quantity(1_800_000_000 + number)
  const baseFeePerGas = `0x${baseFeeWei.toString(16)}`
  return { number: quantity(number), hash, parentHash, timestamp, baseFeePerGas }
}

function rpcLog(block: FakeBlock, log: FakeLog, index: number) {
  const transactionHash = keccak256(toHex(`${block.hash} ${index}`))
  return {
    ...log,
    blockNumber: quantity(block.number),
    blockHash: block.hash,
    transactionHash,
    logIndex: quantity(index),
  }
}

function quantity(value: number): string {
  return `0x${value.toString(16)}`
}
