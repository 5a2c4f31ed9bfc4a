/** Receipts that cannot be had: whoever misses one asks for it on the chain, and the batch waits for the answer. */
import { paramsAbi } from '../../contracts/gen/Params.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import { PARAMETER_NAMES, type ParameterName } from '../../protocol/parameters.ts'
import type { ChainClient, Written } from './client.ts'
import { demandCall, forecloseCall, type PlacedReceipt, showCall } from './dispute-calls.ts'

/** Asks for the receipt at a place of an open batch, with the bond that governance asks for now. */
export async function demandReceipt(
  chain: ChainClient,
  header: BatchHeader,
  index: number,
  signal?: AbortSignal,
): Promise<Written> {
  const { bondWei } = await readDemandTerms(chain, signal)
  return await chain.write(demandCall(header, index, bondWei), signal)
}

/** Shows a receipt that was asked for: half of the asker's bond goes to this account. */
export async function showReceipt(
  chain: ChainClient,
  placed: PlacedReceipt,
  signal?: AbortSignal,
): Promise<Written> {
  return await chain.write(showCall(placed), signal)
}

/** Has a batch judged false whose receipt was not shown in time; the asker gets its bond back. */
export async function forecloseBatch(
  chain: ChainClient,
  header: BatchHeader,
  index: number,
  signal?: AbortSignal,
): Promise<Written> {
  return await chain.write(forecloseCall(header, index), signal)
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
