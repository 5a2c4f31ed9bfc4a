/** What an OP Stack chain asks for the data that it posts to its L1, apart from gas; other chains ask nothing for it. */
import { encodeFunctionData, type Hex, keccak256, parseAbi } from 'viem'
import { z } from 'zod'
import { ChainError } from './errors.ts'
import { betweenBlocks } from './reader.ts'
import type { Asker } from './rpc.ts'

/** Where such a chain tells it; on others there is nothing. */
export const GAS_PRICE_ORACLE = '0x420000000000000000000000000000000000000f'
const oracleAbi = parseAbi(['function getL1Fee(bytes data) view returns (uint256)'])
/** As a contract tells an amount; nothing where there is none. */
const told = z
  .string()
  .regex(/^0x([0-9a-f]{64})?$/i, 'an amount of wei')
  .transform((hex) => (hex === '0x' ? 0n : BigInt(hex)))
/** It follows the L1's base fee, so it changes with the L1's blocks. */
const L1_BLOCK_MS = 12_000

/** For a transaction with this data, in wei; 0 where the chain asks nothing for it. Throws `ChainError`. */
export async function dataFeeWei(asker: Asker, bytes: Hex, signal?: AbortSignal): Promise<bigint> {
  const data = encodeFunctionData({ abi: oracleAbi, functionName: 'getL1Fee', args: [bytes] })
  const call = { to: GAS_PRICE_ORACLE, data }
  return await betweenBlocks(() => asker.request(told, 'eth_call', [call, 'latest'], signal))
}

const SAMPLE_BYTES = 1024

/** Bytes that cannot be compressed, so that their price is that of bytes that are. */
function sample(): Hex {
  let last = keccak256('0x')
  let all: Hex = last
  while (all.length < 2 + 2 * SAMPLE_BYTES) {
    last = keccak256(last)
    all = `${all}${last.slice(2)}`
  }
  return all
}

/** What a byte costs, asked for once an L1 block. */
export class ByteFee {
  /** As it was told last, in wei, rounded up; 0 before that. */
  wei = 0n
  readonly #sample = sample()
  #askAgainMs = 0

  async refresh(asker: Asker, signal: AbortSignal): Promise<void> {
    if (performance.now() < this.#askAgainMs) return
    try {
      const feeWei = await dataFeeWei(asker, this.#sample, signal)
      this.wei = (feeWei + BigInt(SAMPLE_BYTES - 1)) / BigInt(SAMPLE_BYTES)
    } catch (error) {
      // A price that nobody tells is no reason to follow the chain no more.
      if (!(error instanceof ChainError) || error.code !== 'rpc-failed') throw error
    }
    this.#askAgainMs = performance.now() + L1_BLOCK_MS
  }
}
