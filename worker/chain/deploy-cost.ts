/**
 * What a deployment will cost, before anything of it is there. The chain cannot be asked: most constructors question
 * contracts that come before them. What a creation costs follows from its bytes; only what constructors do is a guess.
 */
import { runtimes } from '../../contracts/gen/runtimes.ts'
import { fromHex } from '../../protocol/hash.ts'
import { dataFeeWei, GAS_PRICE_ORACLE } from './data-fee.ts'
import { SOLIDITY_NAMES } from './deploy-check.ts'
import type { Planned } from './deploy-plan.ts'
import { Block, hexBytes, quantity } from './quantities.ts'
import type { Rpc } from './rpc.ts'

/** Of a transaction, of a creation, of a non-zero byte, a zero byte, a word of its code, and of a byte that stays. */
const TRANSACTION_GAS = 21_000n
const CREATION_GAS = 32_000n
const BYTE_GAS = 16n
const ZERO_BYTE_GAS = 4n
const WORD_GAS = 2n
const KEPT_BYTE_GAS = 200n
/** Measured, the dearest constructor (Params, its values and their events) takes less. */
const CONSTRUCTOR_GAS = 450_000n

/** The L1's base fee may rise by an eighth a block; over the minute that a deployment takes, it rarely doubles. */
const L1_MARGIN = 2n

export interface Cost {
  readonly gas: bigint
  /** At the prices of now. */
  readonly nowWei: bigint
  /** What the account must hold: prices may rise on the way. */
  readonly neededWei: bigint
}

/** The cost of these creations, most likely a little less. */
export async function costOf(
  rpc: Rpc,
  contracts: readonly Planned[],
  signal?: AbortSignal,
): Promise<Cost> {
  const gas = contracts.reduce((sum, contract) => sum + gasOf(contract), 0n)
  const [head, tipWei, l1Wei] = await Promise.all([
    rpc.request(Block, 'eth_getBlockByNumber', ['latest', false], signal),
    rpc.request(quantity, 'eth_maxPriorityFeePerGas', [], signal),
    dataFeesWei(rpc, contracts, signal),
  ])
  const baseWei = head.baseFeePerGas ?? 0n
  return {
    gas,
    nowWei: gas * (baseWei + tipWei) + l1Wei,
    // As the outbox offers: twice the base fee.
    neededWei: gas * (2n * baseWei + tipWei) + L1_MARGIN * l1Wei,
  }
}

/** An upper bound, without the fifth that the outbox adds to what the chain estimates. */
function gasOf({ name, data }: Planned): bigint {
  const bytes = fromHex(data)
  const zeros = BigInt(bytes.filter((byte) => byte === 0).length)
  const size = BigInt(bytes.length)
  const carried =
    (size - zeros) * BYTE_GAS + zeros * ZERO_BYTE_GAS + ((size + 31n) / 32n) * WORD_GAS
  const kept = BigInt(runtimes[SOLIDITY_NAMES[name]].bytes) * KEPT_BYTE_GAS
  return TRANSACTION_GAS + CREATION_GAS + carried + kept + CONSTRUCTOR_GAS
}

/** For all of their data, which is much: no chain without the oracle is sent it. */
async function dataFeesWei(rpc: Rpc, contracts: readonly Planned[], signal?: AbortSignal) {
  const code = await rpc.request(hexBytes, 'eth_getCode', [GAS_PRICE_ORACLE, 'latest'], signal)
  if (code === '0x') return 0n
  const fees = await Promise.all(contracts.map(({ data }) => dataFeeWei(rpc, data, signal)))
  return fees.reduce((sum, fee) => sum + fee, 0n)
}
