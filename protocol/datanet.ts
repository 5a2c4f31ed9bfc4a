/**
 * A datanet version: contributions in shards, under one Merkle root that the L2 stores. From a version and a spec the
 * training examples follow, the same on every machine, and with them who owns which row of the gradient index.
 */
import { z } from 'zod'
import { type DocumentValue, document } from './document.ts'
import { type Address, address, bytes32, cid } from './fields.ts'
import { fromHex, type Hash, keccak, keccakHash, utf8 } from './hash.ts'
import { merkleRoot } from './merkle.ts'
import { random, sample } from './prng.ts'
import { type FineTuneSpec, HELD_OUT_ONE_IN, MIN_EXAMPLE_TOKENS } from './tuning.ts'

/** UTF-16 units in one contribution. */
export const MAX_CONTRIBUTION_LENGTH = 256 * 1024
const MAX_SHARDS = 4096
const SHARD_BYTES = 2 * 1024 * 1024

/** Without controls of terminals, breaks of lines, or what turns the order of letters: people are shown these words. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is kept out.
const ONE_LINE = /^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/

export const Contribution = z.strictObject({
  contributor: address,
  /** What its contributor calls it. */
  name: z.string().min(1).max(256).regex(ONE_LINE),
  /** SPDX expression, as the contributor declared it. */
  licence: z.string().min(1).max(128).regex(ONE_LINE),
  text: z.string().min(1).max(MAX_CONTRIBUTION_LENGTH),
})
export type Contribution = z.output<typeof Contribution>

export const Shard = document(
  'shard',
  SHARD_BYTES,
  z.strictObject({ contributions: z.array(Contribution).min(1).max(10_000) }),
)
export type Shard = DocumentValue<typeof Shard>

export const DatanetManifest = document(
  'datanet manifest',
  1024 * 1024,
  z.strictObject({
    name: z.string().min(1).max(128),
    /** Merkle root over the contributions, in order: the version that the L2 registers. */
    root: bytes32,
    contributions: z.number().int().min(1).max(10_000_000),
    shards: z
      .array(
        z.strictObject({
          cid,
          bytes: z.number().int().min(1).max(SHARD_BYTES),
          contributions: z.number().int().min(1).max(10_000),
        }),
      )
      .min(1)
      .max(MAX_SHARDS),
    totalBytes: z
      .number()
      .int()
      .min(1)
      .max(MAX_SHARDS * SHARD_BYTES),
  }),
)
export type DatanetManifest = DocumentValue<typeof DatanetManifest>

/** What a version's tree holds of a contribution; `contracts/src/types/Contribution.sol` has the same. */
export interface ContributionHashes {
  readonly contributor: Address
  readonly nameHash: Hash
  readonly licenceHash: Hash
  readonly textHash: Hash
}

export function contributionHashes(contribution: Contribution): ContributionHashes {
  const { contributor, name, licence, text } = contribution
  return {
    contributor,
    nameHash: keccakHash(utf8(name)),
    licenceHash: keccakHash(utf8(licence)),
    textHash: keccakHash(utf8(text)),
  }
}

export function contributionLeaf(contribution: Contribution): Uint8Array {
  const { contributor, nameHash, licenceHash, textHash } = contributionHashes(contribution)
  return keccak(...[contributor, nameHash, licenceHash, textHash].map(fromHex))
}

export function contributionsRoot(contributions: readonly Contribution[]): Hash {
  return merkleRoot(contributions.map(contributionLeaf))
}

/** A piece of a contribution, or all of a short one. */
export interface Example {
  /** Number of the contribution in the version. */
  readonly contribution: number
  /** One more than the spec's length, or fewer. */
  readonly tokens: readonly number[]
  /** Held out: never trained on. It measures the loss, and as a decoy it sets the noise floor of attribution. */
  readonly heldOut: boolean
}

/**
 * Cuts each contribution's tokens into examples of one token more than the spec's length (the labels are the tokens
 * shifted by one). Rests shorter than that are left over, but a text that is shorter from the first is an example as it
 * stands, from the least length on that a spec may ask for: notes, questions and answers teach, too. When there are more than `maxExamples`, contributors give by turns,
 * and each of theirs its contributions by turns: neither a long text nor one in many files crowds out the others. Which are
 * held out is drawn from the job's seed.
 * @param owners Of the contributions
 */
export function cutExamples(
  contributions: readonly ArrayLike<number>[],
  owners: readonly Address[],
  { exampleTokens, maxExamples }: Pick<FineTuneSpec, 'exampleTokens' | 'maxExamples'>,
  seed: Uint8Array,
): Example[] {
  const length = exampleTokens + 1
  const wanted = contributions.map((tokens) =>
    tokens.length > MIN_EXAMPLE_TOKENS ? Math.max(1, Math.floor(tokens.length / length)) : 0,
  )
  const given = takeByOwners(wanted, owners, maxExamples)
  const pieces = contributions.flatMap((tokens, contribution) => {
    const size = Math.min(length, tokens.length)
    return Array.from({ length: given[contribution]! }, (_, piece) => ({
      contribution,
      tokens: Array.from({ length: size }, (_, place) => tokens[piece * length + place]!),
    }))
  })
  const count = Math.floor(pieces.length / HELD_OUT_ONE_IN)
  const heldOut = new Set(sample(count, pieces.length, random(seed, 'held out')))
  return pieces.map((piece, index) => ({ ...piece, heldOut: heldOut.has(index) }))
}

/** The owner of each example's row in the index; none for a decoy. */
export function rowOwners(
  examples: readonly Example[],
  contributions: readonly Contribution[],
): (Address | undefined)[] {
  return examples.map(({ contribution, heldOut }) =>
    heldOut ? undefined : contributions[contribution]!.contributor,
  )
}

function takeByOwners(
  wanted: readonly number[],
  owners: readonly Address[],
  limit: number,
): number[] {
  const groups = [...Map.groupBy(owners.keys(), (index) => owners[index]).values()]
  const totals = groups.map((group) => group.reduce((sum, index) => sum + wanted[index]!, 0))
  const shares = takeByTurns(totals, limit)
  const given = wanted.map(() => 0)
  for (const [number, group] of groups.entries()) {
    const own = group.map((index) => wanted[index]!)
    for (const [place, taken] of takeByTurns(own, shares[number]!).entries()) {
      given[group[place]!] = taken
    }
  }
  return given
}

/** Who wants no more is passed over for good: a long text among a hundred thousand short ones has as many turns. */
function takeByTurns(wanted: readonly number[], limit: number): number[] {
  const given = wanted.map(() => 0)
  let wanting = [...wanted.keys()].filter((index) => wanted[index]! > 0)
  for (let left = limit; left > 0 && wanting.length > 0; ) {
    const served = wanting.slice(0, left)
    for (const index of served) given[index]! += 1
    left -= served.length
    wanting = wanting.filter((index) => given[index]! < wanted[index]!)
  }
  return given
}
