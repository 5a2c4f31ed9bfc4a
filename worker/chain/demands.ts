/** Receipts that cannot be had: whoever misses one asks for it on the chain, and the batch waits for the answer. */
import { encodeFunctionData, type Hex } from 'viem'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import { headerHash } from '../../coordinator-free/settlement.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import { PARAMETER_NAMES, type ParameterName } from '../../protocol/parameters.ts'
import type { ChainClient, Written } from './client.ts'
import { hashedHeader, type PlacedReceipt } from './dispute-calls.ts'

/** Asks for the receipt at a place of an open batch, with the bond that governance asks for now. */
export async function demandReceipt(
  chain: ChainClient,
  header: BatchHeader,
  index: number,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [hashedHeader(header), BigInt(index)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'demand', args })
  const { bondWei } = await readDemandTerms(chain, signal)
  return await write(
    chain,
    `ask for receipt ${index} of batch ${header.number}`,
    data,
    signal,
    bondWei,
  )
}

/** Shows a receipt that was asked for: half of the asker's bond goes to this account. */
export async function showReceipt(
  chain: ChainClient,
  { header, receipt, proof: { index, siblings } }: PlacedReceipt,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [hashedHeader(header), receipt, BigInt(index), siblings] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'show', args })
  return await write(chain, `show receipt ${index} of batch ${header.number}`, data, signal)
}

/** Has a batch judged false whose receipt was not shown in time; the asker gets its bond back. */
export async function forecloseBatch(
  chain: ChainClient,
  header: BatchHeader,
  index: number,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [headerHash(header), BigInt(index)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'foreclose', args })
  return await write(chain, `foreclose batch ${header.number}`, data, signal)
}

/** What a demand costs until it is answered, in wei, and how long the answer may take. */
export async function readDemandTerms(
  chain: ChainClient,
  signal?: AbortSignal,
): Promise<{ readonly bondWei: bigint; readonly answerSeconds: number }> {
  const contract = { address: chain.deployment.addresses.params, abi: paramsAbi } as const
  return await chain.read(async (client) => {
    const epoch = await client.readContract({ ...contract, functionName: 'epoch' })
    const governed = (name: ParameterName) =>
      client.readContract({
        ...contract,
        functionName: 'valueAt',
        args: [PARAMETER_NAMES.indexOf(name), epoch],
      })
    const [gwei, seconds] = await Promise.all([
      governed('challengeBondGwei'),
      governed('answerSeconds'),
    ])
    return { bondWei: gwei * 10n ** 9n, answerSeconds: Number(seconds) }
  }, signal)
}

async function write(
  chain: ChainClient,
  what: string,
  data: Hex,
  signal?: AbortSignal,
  valueWei?: bigint,
): Promise<Written> {
  const value = valueWei === undefined ? {} : { valueWei }
  return await chain.write({ contract: 'disputes', what, data, ...value }, signal)
}
