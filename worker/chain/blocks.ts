/** Blocks and logs of one node. They are asked in several questions, so that what belongs together is checked to. */
import { z } from 'zod'
import type { Hash } from '../../protocol/hash.ts'
import type { Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { FACT_TOPICS } from './facts.ts'
import { Block, PlacedLog, toQuantity } from './quantities.ts'
import type { Asker } from './rpc.ts'

/** Headers asked for at the same time. */
const HEADERS_AT_ONCE = 32
/**
 * Blocks whose logs are asked for one by one. Behind one address there may be several nodes: one that lags has no logs of
 * blocks that it does not know, and leaves them out of a range without a word; of a block by its hash it says so. A node that
 * is further behind is out of order (`MAX_LAG_BLOCKS` of `rpc.ts`).
 */
const NEAR_BLOCKS = 30

export class Blocks {
  readonly #asker: Asker
  readonly #signal: AbortSignal

  constructor(asker: Asker, signal: AbortSignal) {
    this.#asker = asker
    this.#signal = signal
  }

  /** By number or tag; `undefined` where the node has none. */
  async at(at: number | string): Promise<Block | undefined> {
    const params = [typeof at === 'number' ? toQuantity(at) : at, false]
    const schema = Block.nullable()
    const block = await this.#asker.request(schema, 'eth_getBlockByNumber', params, this.#signal)
    return block ?? undefined
  }

  /** As `at`, where there must be one. */
  async existing(number: number): Promise<Block> {
    const block = await this.at(number)
    if (block) return block
    throw new ChainError('rpc-failed', `${this.#asker.url} has no block ${number}`)
  }

  async isOnChain(number: number, hash: Hash | undefined): Promise<boolean> {
    return hash === undefined || (await this.at(number))?.hash === hash
  }

  /** The blocks from `first` to `last`, each the parent of the next. */
  async headers(first: number, last: Block): Promise<Block[]> {
    const headers: Block[] = []
    for (let number = first; number < last.number; ) {
      const ahead = Math.min(last.number - number, HEADERS_AT_ONCE)
      const numbers = Array.from({ length: ahead }, (_, index) => number + index)
      const blocks = await Promise.all(numbers.map((at) => this.at(at)))
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
    throw this.#replaced()
  }

  /**
   * The contracts' logs from block `from` on, in order, each once. `headers` are those of the newest blocks, of the last one
   * at least.
   */
  async logs(
    deployment: Deployment,
    from: number,
    headers: readonly Block[],
  ): Promise<PlacedLog[]> {
    const near = headers.slice(-NEAR_BLOCKS)
    const far = near[0]!.number - 1
    const stretches = near.map(({ hash }) => this.#logsOf(deployment, { blockHash: hash }))
    if (from <= far) {
      const range = { fromBlock: toQuantity(from), toBlock: toQuantity(far) }
      stretches.push(this.#logsOf(deployment, range))
    }
    const logs = (await Promise.all(stretches)).flat()
    const hashes = new Map(headers.map(({ number, hash }) => [number, hash]))
    const byName = new Map<string, PlacedLog>()
    for (const log of logs) {
      if ((hashes.get(log.blockNumber) ?? log.blockHash) !== log.blockHash) throw this.#replaced()
      byName.set(`${log.blockHash} ${log.logIndex}`, log)
    }
    return [...byName.values()].sort(
      (a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex,
    )
  }

  #logsOf(
    { addresses }: Deployment,
    blocks: { readonly blockHash: Hash } | { readonly fromBlock: string; readonly toBlock: string },
  ): Promise<PlacedLog[]> {
    const filter = { address: Object.values(addresses), topics: [FACT_TOPICS], ...blocks }
    return this.#asker.request(z.array(PlacedLog), 'eth_getLogs', [filter], this.#signal)
  }

  #replaced(): ChainError {
    return new ChainError('unreachable', `${this.#asker.url} replaced blocks while they were read`)
  }
}
