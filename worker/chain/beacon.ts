/** Block hashes as randomness: what nobody knew when something was signed. */
import type { Hash } from '../../protocol/hash.ts'
import { Block, toQuantity } from './quantities.ts'
import { Rpc, type RpcAddress } from './rpc.ts'
import { sleep } from './wait.ts'

const RETRY_MS = 250

export type BlockHash = (number: number, signal: AbortSignal) => Promise<Hash>

/** Finds the hash of a block, waiting for it to be mined. Throws `ChainError` where the RPC fails. */
export function blockHashes(url: RpcAddress, chainId: number): BlockHash & Disposable {
  const rpc = new Rpc(url, { chainId })
  const find = async (number: number, signal: AbortSignal): Promise<Hash> => {
    for (;;) {
      const block = await rpc.request(
        Block.nullable(),
        'eth_getBlockByNumber',
        [toQuantity(number), false],
        signal,
      )
      if (block) return block.hash
      await sleep(RETRY_MS, signal)
    }
  }
  return Object.assign(find, { [Symbol.dispose]: () => rpc.close() })
}
