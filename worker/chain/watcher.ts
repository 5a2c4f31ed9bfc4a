/**
 * Follows the chain with a cursor of our own: what viem and the node offer for it loses events when the node is
 * restarted. Each log becomes one fact, once, in order; where the chain has replaced blocks, that is told first.
 */
import { z } from 'zod'
import type { ChainFact } from '../../protocol/chain.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { type DropReason, FACT_TOPICS, readLog } from './facts.ts'
import { Block, Log, toQuantity } from './quantities.ts'
import { Rpc } from './rpc.ts'
import { sleep } from './wait.ts'

/** A local chain has a block each second; twice as often is soon enough. In ms. */
const POLL_MS = 500
/** Public RPCs refuse ranges from a few thousand blocks on. */
const CHUNK_BLOCKS = 1000
/** Headers are fetched for the newest blocks only: the EVM itself knows no more of their hashes. */
const HEADERS = 256
/** Headers asked for at the same time. */
const HEADERS_AT_ONCE = 32
/** First and longest pause after a failure, in ms. */
const RETRY_MS = 250
const MAX_RETRY_MS = 10_000

export type ChainEvent =
  | { readonly kind: 'fact'; readonly fact: ChainFact }
  /** Blocks above `toBlock` were replaced: facts from them are void, and those that still hold come again. */
  | { readonly kind: 'rewound'; readonly toBlock: number }
  /** All that lay on the chain when watching began has been told. */
  | { readonly kind: 'caught-up'; readonly blockNumber: number }

export interface WatchOptions {
  /** WebSocket or HTTP address of the chain's RPC. */
  readonly url: string
  readonly deployment: Deployment
  /** Called in order. What it throws ends the watcher. */
  readonly onEvent: (event: ChainEvent) => void
  /** A failure that will be tried again after `retryMs`. */
  readonly onTrouble?: (error: ChainError, retryMs: number) => void
  readonly signal: AbortSignal
  /** How far up to read: `safe` or `finalized` where a sequencer may take the newest blocks back. */
  readonly head?: 'latest' | 'safe' | 'finalized'
  readonly pollMs?: number
  readonly chunkBlocks?: number
}

export interface Watcher {
  /** Resolves when the signal has fired; rejects with what `onEvent` threw. */
  readonly done: Promise<void>
  /** Logs that are no facts, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>
}

/** Starts to watch from the deployment's first block. */
export function watchChain(options: WatchOptions): Watcher {
  const dropped: Record<DropReason, number> = { undecodable: 0, 'out-of-range': 0 }
  const rpc = new Rpc(options.url)
  const follower = new Follower(rpc, options, dropped)
  const done = follower.run().finally(() => rpc.close())
  // Whoever cares waits for it.
  done.catch(() => undefined)
  return { done, dropped }
}

/** Thrown from within `onEvent`: nothing of the chain's, so no reason to try again. */
class ListenerError extends Error {}

class Follower {
  readonly #rpc: Rpc
  readonly #options: WatchOptions
  readonly #dropped: Record<DropReason, number>
  /** Newest block whose logs have been told. */
  #cursor: number
  /** Hashes of blocks that were told, ascending by number; of the newest `HEADERS`, and of each chunk's end. */
  readonly #hashes = new Map<number, Hash>()
  #caughtUp = false
  #chunkBlocks: number

  constructor(rpc: Rpc, options: WatchOptions, dropped: Record<DropReason, number>) {
    this.#rpc = rpc
    this.#options = options
    this.#dropped = dropped
    this.#cursor = options.deployment.fromBlock - 1
    this.#chunkBlocks = options.chunkBlocks ?? CHUNK_BLOCKS
  }

  async run(): Promise<void> {
    const { signal, onTrouble, pollMs = POLL_MS } = this.#options
    let retryMs = RETRY_MS
    while (!signal.aborted) {
      try {
        const isBehind = await this.#step()
        retryMs = RETRY_MS
        if (!isBehind) await sleep(pollMs, signal)
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof ListenerError) throw error.cause
        if (!(error instanceof ChainError)) throw error
        // Too wide a range is the likeliest reason for an RPC to say no.
        if (error.code === 'rpc-failed') this.#chunkBlocks = Math.ceil(this.#chunkBlocks / 2)
        onTrouble?.(error, retryMs)
        await sleep(retryMs, signal).catch(() => undefined)
        retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)
      }
    }
  }

  /** Tells the next chunk; true where there is more. */
  async #step(): Promise<boolean> {
    const { head: tag = 'latest', chunkBlocks = CHUNK_BLOCKS } = this.#options
    const start = this.#cursor
    const head = await this.#blockAt(tag)
    if (!head) return false
    if (head.hash === this.#hashes.get(this.#cursor)) return this.#settled(head)
    if (await this.#rewind(head)) return true
    if (head.number <= this.#cursor) return this.#settled(head)
    const from = start + 1
    const last = await this.#endOf(from, head)
    const headers = await this.#headers(from, last, head)
    const logs = await this.#logs(from, last)
    // Blocks may have been replaced while we asked: then nothing of this was told, and the next step rewinds.
    if (!(await this.#isOnChain(last.number, last.hash))) return true
    if (!(await this.#isOnChain(start, this.#hashes.get(start)))) return true
    this.#tell(logs, headers)
    this.#cursor = last.number
    this.#remember(headers)
    this.#chunkBlocks = Math.min(2 * this.#chunkBlocks, chunkBlocks)
    return this.#settled(head)
  }

  #settled(head: Block): boolean {
    if (this.#cursor < head.number) return true
    if (!this.#caughtUp) {
      this.#caughtUp = true
      this.#emit({ kind: 'caught-up', blockNumber: this.#cursor })
    }
    return false
  }

  /** Goes back to the newest block that is still on the chain; true where it had to. */
  async #rewind(head: Block): Promise<boolean> {
    const known = [...this.#hashes].reverse()
    let toBlock = this.#options.deployment.fromBlock - 1
    for (const [number, hash] of known) {
      const block = number <= head.number ? await this.#blockAt(number) : undefined
      if (block?.hash !== hash) continue
      toBlock = number
      break
    }
    if (toBlock >= this.#cursor) return false
    for (const [number] of known) if (number > toBlock) this.#hashes.delete(number)
    this.#cursor = toBlock
    this.#emit({ kind: 'rewound', toBlock })
    return true
  }

  async #endOf(from: number, head: Block): Promise<Block> {
    if (head.number < from + this.#chunkBlocks) return head
    const last = await this.#blockAt(from + this.#chunkBlocks - 1)
    if (last) return last
    throw new ChainError('rpc-failed', `${this.#rpc.url} has block ${head.number}, but none below`)
  }

  /** The chunk's blocks that lie among the newest, and its last one. */
  async #headers(from: number, last: Block, head: Block): Promise<Block[]> {
    const first = Math.max(from, head.number - HEADERS + 1)
    const headers: Block[] = []
    for (let number = first; number < last.number; ) {
      const ahead = Math.min(last.number - number, HEADERS_AT_ONCE)
      const numbers = Array.from({ length: ahead }, (_, index) => number + index)
      const blocks = await Promise.all(numbers.map((at) => this.#blockAt(at)))
      headers.push(...blocks.filter((block) => block !== undefined))
      number += ahead
    }
    headers.push(last)
    const isChain = headers.every(
      ({ number, parentHash }, index) =>
        index === 0 ||
        (headers[index - 1]!.number === number - 1 && headers[index - 1]!.hash === parentHash),
    )
    if (isChain) return headers
    throw new ChainError('unreachable', `${this.#rpc.url} replaced blocks while they were read`)
  }

  #tell(logs: readonly Log[], headers: readonly Block[]): void {
    let next = 0
    const tellUpTo = (number: number): void => {
      for (; next < logs.length && logs[next]!.blockNumber <= number; next++) {
        const read = readLog(this.#options.deployment, logs[next]!)
        if (read.ok) this.#emit({ kind: 'fact', fact: read.fact })
        else this.#dropped[read.reason]++
      }
    }
    for (const { number, hash, timestamp } of headers) {
      tellUpTo(number)
      const fact = { kind: 'block', number, hash, timestampMs: timestamp * 1000 } as const
      this.#emit({ kind: 'fact', fact })
    }
  }

  #remember(headers: readonly Block[]): void {
    for (const { number, hash } of headers) this.#hashes.set(number, hash)
    const surplus = this.#hashes.size - 2 * HEADERS
    for (const number of [...this.#hashes.keys()].slice(0, Math.max(surplus, 0))) {
      this.#hashes.delete(number)
    }
  }

  #emit(event: ChainEvent): void {
    try {
      this.#options.onEvent(event)
    } catch (cause) {
      throw new ListenerError('the listener failed', { cause })
    }
  }

  async #isOnChain(number: number, hash: Hash | undefined): Promise<boolean> {
    return hash === undefined || (await this.#blockAt(number))?.hash === hash
  }

  async #blockAt(at: number | string): Promise<Block | undefined> {
    const params = [typeof at === 'number' ? toQuantity(at) : at, false]
    const { signal } = this.#options
    const block = await this.#rpc.request(Block.nullable(), 'eth_getBlockByNumber', params, signal)
    return block ?? undefined
  }

  async #logs(from: number, last: Block): Promise<Log[]> {
    const { deployment, signal } = this.#options
    const filter = {
      address: Object.values(deployment.addresses),
      topics: [FACT_TOPICS],
      fromBlock: toQuantity(from),
      toBlock: toQuantity(last.number),
    }
    const logs = await this.#rpc.request(z.array(Log), 'eth_getLogs', [filter], signal)
    return logs.sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex)
  }
}
