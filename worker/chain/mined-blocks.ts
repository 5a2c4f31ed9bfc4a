/** Blocks whose hash or time is asked for one by one: what nobody knew when something was signed. */
import type { z } from 'zod'
import type { Hash } from '../../protocol/hash.ts'
import { ChainError } from './errors.ts'
import { Block, toQuantity } from './quantities.ts'
import { Rpc, type RpcAddress } from './rpc.ts'
import { sleep } from './wait.ts'

const RETRY_MS = 250

export type BlockHash = (number: number, signal: AbortSignal) => Promise<Hash>

export class MinedBlocks implements Disposable {
  readonly #rpc: Rpc

  constructor(url: RpcAddress, chainId: number) {
    this.#rpc = new Rpc(url, { chainId })
  }

  /** Waits for it to be mined. Throws `ChainError` where the RPC fails. */
  async at(number: number, signal: AbortSignal): Promise<Block> {
    for (;;) {
      const block = await this.#ask('eth_getBlockByNumber', toQuantity(number), signal)
      if (block) return block
      await sleep(RETRY_MS, signal)
    }
  }

  /** Throws `ChainError`: `block-gone` where the chain has no such block any more. */
  async withHash(hash: Hash, signal: AbortSignal): Promise<Block> {
    const block = await this.#ask('eth_getBlockByHash', hash, signal)
    if (block) return block
    throw new ChainError('block-gone', `${this.#rpc.url} has no block ${hash}: it was taken back`)
  }

  [Symbol.dispose](): void {
    this.#rpc.close()
  }

  #ask(method: string, which: string, signal: AbortSignal): Promise<z.output<typeof Block> | null> {
    return this.#rpc.request(Block.nullable(), method, [which, false], signal)
  }
}
