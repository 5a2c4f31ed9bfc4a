/** An adapter's owner: what it asks a unit, and to whom it hands the adapter. What is registered is known for good. */
import { encodeFunctionData, type Hex } from 'viem'
import { modelRegistryAbi } from '../../contracts/gen/ModelRegistry.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8 } from '../../protocol/hash.ts'
import type { ChainClient, Written } from './client.ts'

export interface ModelState {
  /** The zero address where it is not registered. */
  readonly owner: Address
  /** Whom it is offered to; the zero address where to nobody. */
  readonly heir: Address
  /** Extra wei a unit that the owner asks in this epoch, */
  readonly feeWei: bigint
  /** and from an epoch to come on, where it has announced another. */
  readonly announced: { readonly feeWei: bigint; readonly fromEpoch: number } | undefined
  readonly base: string
  readonly jobId: Hash
  /** Number of the final batch that proves the fine-tune. */
  readonly batch: number
  /** 0 where its owner did not say. */
  readonly datanetId: number
  readonly datanetVersion: number
}

/** Announces what the owner asks a unit: it counts from the next epoch on. */
export async function setModelFee(
  chain: ChainClient,
  adapter: Cid,
  feeWei: bigint,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [adapterHash(adapter), feeWei] as const
  const data = encodeFunctionData({ abi: modelRegistryAbi, functionName: 'setFee', args })
  return await write(chain, `set the fee of ${adapter}`, data, signal)
}

/** Offers an adapter to another owner, who must accept; the zero address takes the offer back. */
export async function offerModel(
  chain: ChainClient,
  adapter: Cid,
  heir: Address,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [adapterHash(adapter), heir] as const
  const data = encodeFunctionData({ abi: modelRegistryAbi, functionName: 'offerOwnership', args })
  return await write(chain, `offer ${adapter}`, data, signal)
}

/** Takes over an adapter that was offered to this account. */
export async function acceptModel(
  chain: ChainClient,
  adapter: Cid,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [adapter] as const
  const data = encodeFunctionData({ abi: modelRegistryAbi, functionName: 'acceptOwnership', args })
  return await write(chain, `take over ${adapter}`, data, signal)
}

export async function readModel(
  chain: ChainClient,
  adapter: Cid,
  signal?: AbortSignal,
): Promise<ModelState> {
  const { modelRegistry, params } = chain.deployment.addresses
  const registry = { address: modelRegistry, abi: modelRegistryAbi } as const
  return await chain.read(async (client) => {
    const [known, epoch] = await Promise.all([
      client.readContract({ ...registry, functionName: 'model', args: [adapter] }),
      client.readContract({ address: params, abi: paramsAbi, functionName: 'epoch' }),
    ])
    const { feeWei, nextFeeWei, feeEpoch, datanetId, datanetVersion, ...rest } = known
    const isAnnounced = epoch < feeEpoch && nextFeeWei !== feeWei
    return {
      owner: known.owner.toLowerCase() as Address,
      heir: known.heir.toLowerCase() as Address,
      feeWei: epoch < feeEpoch ? feeWei : nextFeeWei,
      announced: isAnnounced ? { feeWei: nextFeeWei, fromEpoch: Number(feeEpoch) } : undefined,
      ...{ base: rest.base, jobId: rest.jobId as Hash, batch: Number(rest.batch) },
      ...{ datanetId: Number(datanetId), datanetVersion: Number(datanetVersion) },
    }
  }, signal)
}

function adapterHash(adapter: Cid): Hash {
  return keccakHash(utf8(adapter))
}

async function write(chain: ChainClient, what: string, data: Hex, signal?: AbortSignal) {
  return await chain.write({ contract: 'modelRegistry', what, data }, signal)
}
