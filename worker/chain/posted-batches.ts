/** Batches as the chain's logs tell of them, and what was asked of them, for whoever follows no chain. */
import type { PublicClient } from 'viem'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import type { Address } from '../../protocol/fields.ts'
import type { ChainClient } from './client.ts'

/** Public RPCs refuse ranges from a few thousand blocks on. */
const CHUNK_BLOCKS = 1000n

export interface PostedBatch {
  readonly header: BatchHeader
  /** From then on anybody may make it final. */
  readonly finalAtMs: number
  readonly blockNumber: bigint
}

/** A demand for one receipt, and what became of it. */
export interface DemandView {
  readonly batch: number
  readonly index: number
  readonly asker: Address
  /** Until then it may be shown. */
  readonly untilMs: number
  readonly state: 'asked' | 'shown' | 'withheld'
}

/** Numbers of the batches that are posted and not final, ascending. */
export async function openBatches(chain: ChainClient, signal?: AbortSignal): Promise<number[]> {
  const [posted, finalised] = await chain.read(
    (client) => client.readContract({ ...ledgerOf(chain), functionName: 'progress' }),
    signal,
  )
  const count = Number(posted - finalised)
  return Array.from({ length: count }, (_, index) => Number(finalised) + 1 + index)
}

/**
 * The batch that was posted last under this number, up to a block: one that was taken back leaves its number to another.
 * `undefined` where there was none.
 */
export async function readBatch(
  chain: ChainClient,
  number: number,
  upTo?: bigint,
  signal?: AbortSignal,
): Promise<PostedBatch | undefined> {
  const events = { ...ledgerOf(chain), eventName: 'BatchPosted', strict: true } as const
  return await newest(
    chain,
    async (client, fromBlock, toBlock) => {
      const range = { fromBlock, toBlock, args: { number: BigInt(number) } }
      const log = (await client.getContractEvents({ ...events, ...range })).at(-1)
      if (!log) return undefined
      const { header, finalAt } = log.args
      const proposer = header.proposer.toLowerCase() as Address
      const numbers = { number: Number(header.number), epoch: Number(header.epoch), proposer }
      // The contract took it, so it is one.
      const told = { ...header, ...numbers } as BatchHeader
      return { header: told, finalAtMs: Number(finalAt) * 1000, blockNumber: log.blockNumber }
    },
    upTo,
    signal,
  )
}

/** What was asked of a batch since it was posted, oldest first. */
export async function readDemands(
  chain: ChainClient,
  { header, blockNumber }: PostedBatch,
  signal?: AbortSignal,
): Promise<DemandView[]> {
  const events = {
    address: chain.deployment.addresses.disputes,
    abi: disputesAbi,
    strict: true,
  } as const
  const batch = BigInt(header.number)
  return await chain.read(async (client) => {
    const head = await client.getBlockNumber()
    const demands = new Map<number, DemandView>()
    for (let from = blockNumber; from <= head; from += CHUNK_BLOCKS) {
      const range = { fromBlock: from, toBlock: smaller(from + CHUNK_BLOCKS - 1n, head) }
      const logs = await client.getContractEvents({ ...events, ...range })
      for (const { eventName, args } of logs) {
        if (eventName === 'Punished' || args.batch !== batch) continue
        const index = Number(args.index)
        const known = demands.get(index)
        if (eventName === 'Demanded') {
          const asker = args.asker.toLowerCase() as Address
          const untilMs = Number(args.until) * 1000
          demands.set(index, { batch: header.number, index, asker, untilMs, state: 'asked' })
        } else if (known) {
          demands.set(index, { ...known, state: eventName === 'Shown' ? 'shown' : 'withheld' })
        }
      }
    }
    return [...demands.values()]
  }, signal)
}

/** Looks through the blocks from the newest, or another, back to the deployment's first, until `look` finds something. */
async function newest<T>(
  chain: ChainClient,
  look: (client: PublicClient, from: bigint, to: bigint) => Promise<T | undefined>,
  upTo?: bigint,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const first = BigInt(chain.deployment.fromBlock)
  return await chain.read(async (client) => {
    for (let to = upTo ?? (await client.getBlockNumber()); to >= first; to -= CHUNK_BLOCKS) {
      const from = to - CHUNK_BLOCKS + 1n
      const found = await look(client, from > first ? from : first, to)
      if (found !== undefined) return found
    }
    return undefined
  }, signal)
}

function ledgerOf({ deployment }: ChainClient) {
  return { address: deployment.addresses.resultLedger, abi: resultLedgerAbi } as const
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
