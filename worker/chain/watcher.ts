/**
 * Follows the chain with a cursor of our own: what viem and the node offer for it loses events when the node is
 * restarted. Each log becomes one fact, once, in order; where the chain has replaced blocks, that is told first. With a
 * folder, what was read is kept there: a restarted node tells it from the disk, and asks the chain for what is new only.
 */
import path from 'node:path'
import type { ChainFact } from '../../protocol/chain.ts'
import type { Hash } from '../../protocol/hash.ts'
import { Blocks } from './blocks.ts'
import { ByteFee } from './data-fee.ts'
import type { Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { FactLog } from './fact-log.ts'
import { type DropReason, readLog } from './facts.ts'
import type { Block, PlacedLog } from './quantities.ts'
import { Rpc, type RpcAddress } from './rpc.ts'
import { sleep } from './wait.ts'

/** A local chain has a block each second; twice as often is soon enough. In ms. */
const POLL_MS = 500
/** Public RPCs refuse ranges from a few thousand blocks on. */
const CHUNK_BLOCKS = 1000
/** Headers are fetched for the newest blocks only: the EVM itself knows no more of their hashes. */
const HEADERS = 256
/** Blocks without a log are written down so often only; a restarted node reads no more than those again. */
const CURSOR_BLOCKS = 64
/** The file in the watcher's folder. */
const FACT_LOG = 'chain-facts.log'
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
  /** WebSocket or HTTP address of the chain's RPC, or several, the preferred first. */
  readonly url: RpcAddress
  readonly deployment: Deployment
  /** Called in order. What it throws ends the watcher. */
  readonly onEvent: (event: ChainEvent) => void
  /** Where to keep what was read; without it, each start reads the chain from the deployment on. */
  readonly folder?: string
  /** For people: an address was left or taken again, a file was set aside. */
  readonly onNotice?: (message: string) => void
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
  const rpc = new Rpc(options.url, {
    chainId: options.deployment.chainId,
    onChange: (url, trouble) =>
      options.onNotice?.(trouble ? `${trouble.message}; left for another` : `${url} serves again`),
  })
  const follower = new Follower(rpc, options, dropped)
  const done = follower.run().finally(() => {
    follower.close()
    rpc.close()
  })
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
  /** Hashes of blocks up to the cursor, ascending: of the newest, of each chunk's end, of what was read in earlier lives. */
  #hashes = new Map<number, Hash>()
  #log: FactLog | undefined
  /** Logs of earlier lives, until the chain was seen to have their blocks still. */
  #recalled: PlacedLog[] | undefined
  #hasToldHead = false
  readonly #byteFee = new ByteFee()
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

  close(): void {
    this.#log?.close()
  }

  /** Tells the next chunk; true where there is more. One node answers all its questions. */
  async #step(): Promise<boolean> {
    const { head: tag = 'latest', chunkBlocks = CHUNK_BLOCKS, deployment, signal } = this.#options
    const asker = await this.#rpc.pinned(signal)
    const blocks = new Blocks(asker, signal)
    await this.#recall(blocks)
    const start = this.#cursor
    const head = await blocks.at(tag)
    if (!head) return false
    if (this.#isBehindUs(head)) return false
    await this.#byteFee.refresh(asker, signal)
    if (head.hash !== this.#hashes.get(start) && (await this.#rewind(blocks, head))) return true
    this.#tellRecalled()
    if (head.number <= start) return this.#settled(head)
    const from = start + 1
    const isNear = head.number < from + this.#chunkBlocks
    const last = isNear ? head : await blocks.existing(from + this.#chunkBlocks - 1)
    const headers = await blocks.headers(Math.max(from, head.number - HEADERS + 1), last)
    const logs = await blocks.logs(deployment, from, headers)
    // Blocks may have been replaced while we asked: then nothing of this was told, and the next step rewinds.
    if (!(await blocks.isOnChain(last.number, last.hash))) return true
    if (!(await blocks.isOnChain(start, this.#hashes.get(start)))) return true
    this.#keep(logs, last)
    this.#tell(logs, headers)
    this.#cursor = last.number
    this.#remember(headers)
    this.#chunkBlocks = Math.min(2 * this.#chunkBlocks, chunkBlocks)
    return this.#settled(head)
  }

  /** What an earlier life has read, where it was on this chain. */
  async #recall(blocks: Blocks): Promise<void> {
    const { folder, deployment, onNotice } = this.#options
    if (folder === undefined || this.#log) return
    const { hash: genesis } = await blocks.existing(0)
    const file = path.join(folder, FACT_LOG)
    this.#log = FactLog.open(file, deployment, genesis, (message) => onNotice?.(message))
    const { logs, hashes } = this.#log.recall()
    this.#recalled = logs
    this.#hashes = hashes
    this.#cursor = this.#log.cursor
  }

  #tellRecalled(): void {
    const logs = this.#recalled ?? []
    this.#recalled = undefined
    this.#tell(logs, [])
    if (logs.length > 0) this.#prune()
  }

  /** True where the node's blocks are ours, only fewer: it lags, or it has lost the newest and will mine others. */
  #isBehindUs(head: Block): boolean {
    const isTold = this.#recalled === undefined
    return isTold && head.number < this.#cursor && this.#hashes.get(head.number) === head.hash
  }

  #settled(head: Block): boolean {
    if (this.#cursor < head.number) return true
    if (!this.#hasToldHead) this.#tell([], [head])
    if (!this.#caughtUp) {
      this.#caughtUp = true
      this.#emit({ kind: 'caught-up', blockNumber: this.#cursor })
    }
    return false
  }

  /** Goes back to the newest block that is still on the chain; true where it had to. */
  async #rewind(blocks: Blocks, head: Block): Promise<boolean> {
    const known = [...this.#hashes].reverse()
    let toBlock = this.#options.deployment.fromBlock - 1
    for (const [number, hash] of known) {
      if (number > head.number) continue
      // Behind one address there may be several nodes: that one has no such block, or not yet, replaces none.
      const block = await blocks.existing(number)
      if (block.hash !== hash) continue
      toBlock = number
      break
    }
    if (toBlock >= this.#cursor) return false
    for (const [number] of known) if (number > toBlock) this.#hashes.delete(number)
    this.#cursor = toBlock
    this.#log?.rewind(toBlock, this.#hashes.get(toBlock))
    if (this.#recalled) {
      this.#recalled = this.#recalled.filter(({ blockNumber }) => blockNumber <= toBlock)
    } else {
      this.#emit({ kind: 'rewound', toBlock })
    }
    return true
  }

  /** On the disk before it is told. */
  #keep(logs: readonly PlacedLog[], last: Block): void {
    if (!this.#log) return
    if (logs.length === 0 && last.number < this.#log.cursor + CURSOR_BLOCKS) return
    this.#log.append(last.number, last.hash, logs)
  }

  #tell(logs: readonly PlacedLog[], headers: readonly Block[]): void {
    let next = 0
    const tellUpTo = (number: number): void => {
      for (; next < logs.length && logs[next]!.blockNumber <= number; next++) {
        const read = readLog(this.#options.deployment, logs[next]!)
        if (read.ok) this.#emit({ kind: 'fact', fact: read.fact })
        else this.#dropped[read.reason]++
      }
    }
    for (const { number, hash, timestamp, baseFeePerGas } of headers) {
      tellUpTo(number)
      const head = { kind: 'block', number, hash, timestampMs: timestamp * 1000 } as const
      const gas = baseFeePerGas === undefined ? {} : { baseFeeWei: baseFeePerGas }
      const data = this.#byteFee.wei === 0n ? {} : { byteFeeWei: this.#byteFee.wei }
      this.#emit({ kind: 'fact', fact: { ...head, ...gas, ...data } })
      this.#hasToldHead = true
    }
    tellUpTo(Number.POSITIVE_INFINITY)
  }

  #remember(headers: readonly Block[]): void {
    for (const { number, hash } of headers) this.#hashes.set(number, hash)
    this.#prune()
  }

  #prune(): void {
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
}
