/** Contributors' bonds, flags, and validators' sealed votes: what anybody says to the DatanetRegistry besides versions. */
import { decodeEventLog, encodeFunctionData, type Hex } from 'viem'
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import { type Contribution, contributionHashes, contributionLeaf } from '../../protocol/datanet.ts'
import type { Address } from '../../protocol/fields.ts'
import { type Hash, toHex } from '../../protocol/hash.ts'
import type { Proof } from '../../protocol/merkle.ts'
import { reviewSeal } from '../../protocol/review.ts'
import type { ChainClient, Written } from './client.ts'
import { registryOf } from './datanets.ts'

export interface Flag {
  readonly datanetId: number
  readonly version: number
  readonly contribution: Contribution
  /** The contribution's place under the version's root. */
  readonly proof: Proof
}

/** In the order of the contract's enum. */
const VERDICTS = ['none', 'open', 'spam', 'clean', 'undecided'] as const
export type Verdict = (typeof VERDICTS)[number]

export interface ReviewState {
  readonly verdict: Verdict
  readonly datanetId: number
  readonly contributor: Address
  readonly flagger: Address
  /** Votes are sealed until then, and opened from then to `revealUntilMs`. */
  readonly commitUntilMs: number
  readonly revealUntilMs: number
  readonly spamWei: bigint
  readonly cleanWei: bigint
}

/** A validator's vote. The salt is its secret until it reveals; it must still know it then. */
export interface ReviewVote {
  readonly reviewId: number
  readonly spam: boolean
  readonly salt: Hash
}

/** Adds to this account's bond as a contributor. */
export async function bond(
  chain: ChainClient,
  datanetId: number,
  amountWei: bigint,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [BigInt(datanetId)] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'bond', args })
  return await write(chain, `bond for datanet ${datanetId}`, data, signal, amountWei)
}

/** Asks for this account's bond back; `withdrawBond` may follow a review's time later. */
export async function requestBondExit(
  chain: ChainClient,
  datanetId: number,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [BigInt(datanetId)] as const
  const abi = datanetRegistryAbi
  const data = encodeFunctionData({ abi, functionName: 'requestBondExit', args })
  return await write(chain, `leave datanet ${datanetId}`, data, signal)
}

export async function withdrawBond(
  chain: ChainClient,
  datanetId: number,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [BigInt(datanetId)] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'withdrawBond', args })
  return await write(chain, `withdraw the bond for datanet ${datanetId}`, data, signal)
}

/** Calls a contribution spam, with the bond that governance asks for now. */
export async function flagContribution(
  chain: ChainClient,
  { datanetId, version, contribution, proof }: Flag,
  signal?: AbortSignal,
): Promise<Written & { readonly reviewId: number }> {
  const contract = registryOf(chain)
  const bondWei = await chain.read(
    (client) => client.readContract({ ...contract, functionName: 'flagBondWei' }),
    signal,
  )
  const hashes = contributionHashes(contribution)
  const place = [BigInt(proof.index), proof.siblings] as const
  const args = [BigInt(datanetId), BigInt(version), hashes, ...place] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'flag', args })
  const what = `flag contribution ${proof.index} of datanet ${datanetId}`
  const written = await write(chain, what, data, signal, bondWei)
  return { ...written, reviewId: reviewOf(chain, written) }
}

/** Seals this account's vote, as a validator. */
export async function commitVote(
  chain: ChainClient,
  { reviewId, spam, salt }: ReviewVote,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [BigInt(reviewId), reviewSeal(reviewId, chain.account, spam, salt)] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'commitVote', args })
  return await write(chain, `vote on review ${reviewId}`, data, signal)
}

/** Opens this account's vote; it must be the one that was sealed. */
export async function revealVote(
  chain: ChainClient,
  { reviewId, spam, salt }: ReviewVote,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [BigInt(reviewId), spam, salt] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'revealVote', args })
  return await write(chain, `open the vote on review ${reviewId}`, data, signal)
}

/** Has a review judged whose time is over. */
export async function closeReview(
  chain: ChainClient,
  reviewId: number,
  signal?: AbortSignal,
): Promise<Written> {
  const args = [BigInt(reviewId)] as const
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'close', args })
  return await write(chain, `close review ${reviewId}`, data, signal)
}

/** Pays this account what reviews have left it. */
export async function withdrawFromReviews(
  chain: ChainClient,
  signal?: AbortSignal,
): Promise<Written> {
  const data = encodeFunctionData({ abi: datanetRegistryAbi, functionName: 'withdraw' })
  return await write(chain, 'withdraw what reviews have left', data, signal)
}

export async function readReview(
  chain: ChainClient,
  reviewId: number,
  signal?: AbortSignal,
): Promise<ReviewState> {
  const contract = registryOf(chain)
  const args = [BigInt(reviewId)] as const
  const known = await chain.read(
    (client) => client.readContract({ ...contract, functionName: 'review', args }),
    signal,
  )
  return {
    verdict: VERDICTS[known.verdict] ?? 'none',
    datanetId: Number(known.datanetId),
    contributor: known.contributor.toLowerCase() as Address,
    flagger: known.flagger.toLowerCase() as Address,
    commitUntilMs: Number(known.commitUntil) * 1000,
    revealUntilMs: Number(known.revealUntil) * 1000,
    spamWei: known.spamWei,
    cleanWei: known.cleanWei,
  }
}

/** Contributions that are asked about in one call. */
const ASKED_AT_ONCE = 1000

/** What came of the newest review of each of these contributions in a datanet; `none` where nobody flagged it. */
export async function readVerdicts(
  chain: ChainClient,
  datanetId: number,
  contributions: readonly Contribution[],
  signal?: AbortSignal,
): Promise<Verdict[]> {
  const contract = registryOf(chain)
  const leaves = contributions.map((contribution) => toHex(contributionLeaf(contribution)))
  const verdicts: Verdict[] = []
  for (let start = 0; start < leaves.length; start += ASKED_AT_ONCE) {
    const args = [BigInt(datanetId), leaves.slice(start, start + ASKED_AT_ONCE)] as const
    const found = await chain.read(
      (client) => client.readContract({ ...contract, functionName: 'verdictsOf', args }),
      signal,
    )
    verdicts.push(...found.map((verdict) => VERDICTS[verdict] ?? 'none'))
  }
  return verdicts
}

export interface Standing {
  readonly bondWei: bigint
  /** True where the bond is enough and stays. */
  readonly bonded: boolean
  /** 10,000 with nothing against the contributor, halved with each finding of spam. */
  readonly scoreBps: number
  /** What it may withdraw. */
  readonly owedWei: bigint
}

export async function readStanding(
  chain: ChainClient,
  datanetId: number,
  contributor: Address,
  signal?: AbortSignal,
): Promise<Standing> {
  const contract = registryOf(chain)
  const both = [BigInt(datanetId), contributor] as const
  return await chain.read(async (client) => {
    const [bonded, { amountWei }, scoreBps, owedWei] = await Promise.all([
      client.readContract({ ...contract, functionName: 'isBonded', args: both }),
      client.readContract({ ...contract, functionName: 'bondOf', args: both }),
      client.readContract({ ...contract, functionName: 'scoreBps', args: [contributor] }),
      client.readContract({ ...contract, functionName: 'owedWei', args: [contributor] }),
    ])
    return { bonded, bondWei: amountWei, scoreBps: Number(scoreBps), owedWei }
  }, signal)
}

/** The review that a flag has opened, from its log. */
function reviewOf(chain: ChainClient, { logs }: Written): number {
  const { address: at, abi } = registryOf(chain)
  const { data, topics } = logs.find(({ address }) => address === at)!
  const [event, ...indexed] = topics as [Hash, ...Hash[]]
  const said = decodeEventLog({ abi, eventName: 'Flagged', data, topics: [event, ...indexed] })
  return Number(said.args.reviewId)
}

async function write(
  chain: ChainClient,
  what: string,
  data: Hex,
  signal: AbortSignal | undefined,
  valueWei?: bigint,
): Promise<Written> {
  const value = valueWei === undefined ? {} : { valueWei }
  return await chain.write({ contract: 'datanetRegistry', what, data, ...value }, signal)
}

/** The seal of an account's vote that is not opened yet; the zero hash where there is none. */
export async function readSeal(
  chain: ChainClient,
  reviewId: number,
  validator: Address,
  signal?: AbortSignal,
): Promise<Hash> {
  const contract = registryOf(chain)
  const args = [BigInt(reviewId), validator] as const
  const { seal } = await chain.read(
    (client) => client.readContract({ ...contract, functionName: 'ballot', args }),
    signal,
  )
  return seal as Hash
}

/** What reviews have left an account, in wei. */
export function owedByReviews(
  chain: ChainClient,
  account: Address,
  signal?: AbortSignal,
): Promise<bigint> {
  const contract = registryOf(chain)
  return chain.read(
    (client) => client.readContract({ ...contract, functionName: 'owedWei', args: [account] }),
    signal,
  )
}
