/** Datanets and their versions as the registry has them. */
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { ChainClient } from './client.ts'

export interface DatanetState {
  /** The zero address where there is none. */
  readonly operator: Address
  readonly name: string
  readonly licence: string
  /** Newest version, counted from 1; 0 where none was published. */
  readonly versions: number
  /** What contributors must have put down. */
  readonly minimumBondWei: bigint
  /** What a flag costs until it is judged. */
  readonly flagBondWei: bigint
}

export interface VersionState {
  readonly version: number
  readonly root: Hash
  readonly contributions: number
  /** Content id of the list of contributions. */
  readonly manifest: Cid
  readonly licence: string
}

/** Throws `ChainError` `reverted` with `NoDatanet` where there is none. */
export async function readDatanet(
  chain: ChainClient,
  datanetId: number,
  signal?: AbortSignal,
): Promise<DatanetState> {
  const args = [BigInt(datanetId)] as const
  return await chain.read(async (client) => {
    const [known, minimumBondWei, flagBondWei] = await Promise.all([
      client.readContract({ ...registryOf(chain), functionName: 'datanet', args }),
      client.readContract({ ...registryOf(chain), functionName: 'minimumBondWei', args }),
      client.readContract({ ...registryOf(chain), functionName: 'flagBondWei' }),
    ])
    const { name, licence, versionCount: versions } = known
    const operator = known.operator.toLowerCase() as Address
    return { operator, name, licence, versions, minimumBondWei, flagBondWei }
  }, signal)
}

/** `undefined` where there is no such version. The texts stand in the log of the block that it was published in. */
export async function readVersionOf(
  chain: ChainClient,
  datanetId: number,
  version: number,
  signal?: AbortSignal,
): Promise<VersionState | undefined> {
  const args = [BigInt(datanetId), BigInt(version)] as const
  return await chain.read(async (client) => {
    const known = await client.readContract({
      ...registryOf(chain),
      functionName: 'versionOf',
      args,
    })
    if (known.contributionCount === 0) return undefined
    const [log] = await client.getContractEvents({
      ...registryOf(chain),
      eventName: 'VersionPublished',
      args: { datanetId: args[0], version: args[1] },
      fromBlock: known.blockNumber,
      toBlock: known.blockNumber,
      strict: true,
    })
    if (!log) return undefined
    const { manifest, licence } = log.args
    const root = known.root as Hash
    return {
      version,
      root,
      contributions: known.contributionCount,
      manifest: manifest as Cid,
      licence,
    }
  }, signal)
}

/** What viem asks for of the registry. */
export function registryOf({ deployment }: ChainClient) {
  return { address: deployment.addresses.datanetRegistry, abi: datanetRegistryAbi } as const
}
