/** Datanet versions as blocks for IPFS, and back. Pure: storing and fetching are the caller's part. */
import type { z } from 'zod'
import { Contribution, contributionsRoot, DatanetManifest, Shard } from '../../protocol/datanet.ts'
import { type Block, blockOf } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { utf8 } from '../../protocol/hash.ts'
import { inLanes } from '../lanes.ts'
import { DatanetError } from './errors.ts'

/** Bytes of a shard, unless one contribution alone has more: half of what bitswap carries at ease, and few round trips. */
const SHARD_BYTES = 512 * 1024
const SHARD_CONTRIBUTIONS = 10_000
/** Shards that are fetched at a time. */
const SHARDS_AT_ONCE = 4
/**
 * Bytes of a version's shards: who reads one has all of it in memory, and its tokens and their order besides. A manifest
 * may name one shard thousands of times, so that gigabytes cost whoever offers them a few megabytes.
 */
const MAX_VERSION_BYTES = 256 * 1024 * 1024
/** What dag-cbor adds to the texts of a contribution: four keys, an address, the lengths. */
const FRAME_BYTES = 128

export interface PublishedVersion {
  readonly manifest: DatanetManifest
  /** The manifest's block: its content id names the version. */
  readonly block: Block
  readonly shards: readonly Block[]
}

/**
 * Lays a version out in shards, in the order given. Throws `DatanetError`: `bad-contribution` for one that breaks the
 * schema, `bad-size` for no contributions or too many.
 */
export function publishVersion(
  name: string,
  contributions: readonly Contribution[],
): PublishedVersion {
  if (contributions.length === 0) {
    throw new DatanetError('bad-size', 'a version needs at least one contribution')
  }
  for (const [number, contribution] of contributions.entries()) {
    const checked = Contribution.safeParse(contribution)
    if (checked.success) continue
    const message = `contribution ${number}: ${firstIssue(checked.error)}`
    throw new DatanetError('bad-contribution', message)
  }
  const parts = intoShards(contributions)
  const shards = parts.map((part) => Shard.encode({ contributions: part }))
  const manifest: DatanetManifest = {
    name,
    root: contributionsRoot(contributions),
    contributions: contributions.length,
    shards: shards.map(({ cid, bytes }, i) => ({
      cid,
      bytes: bytes.length,
      contributions: parts[i]!.length,
    })),
    totalBytes: shards.reduce((total, { bytes }) => total + bytes.length, 0),
  }
  requireReadable(manifest)
  const block = manifestBlock(manifest)
  return { manifest, block, shards }
}

/** What a fetch may pull, before it pulls anything. Throws `DatanetError`: `bad-manifest`, `bad-size`. */
export function readManifest(bytes: Uint8Array): DatanetManifest {
  const decoded = DatanetManifest.decode(bytes)
  if (!decoded.ok) throw new DatanetError('bad-manifest', decoded.reason)
  const { shards, totalBytes, contributions } = decoded.value
  const sumBytes = shards.reduce((total, shard) => total + shard.bytes, 0)
  const sumContributions = shards.reduce((total, shard) => total + shard.contributions, 0)
  if (sumBytes !== totalBytes || sumContributions !== contributions) {
    const sums = `its shards have ${sumBytes} bytes and ${sumContributions} contributions`
    const said = `not the ${totalBytes} and ${contributions} it says`
    throw new DatanetError('bad-manifest', `${sums}, ${said}`)
  }
  requireReadable(decoded.value)
  return decoded.value
}

function requireReadable({ totalBytes }: DatanetManifest): void {
  if (totalBytes <= MAX_VERSION_BYTES) return
  const size = `a version of ${totalBytes} bytes is more than ${MAX_VERSION_BYTES}`
  throw new DatanetError('bad-size', `${size}; split the datanet`)
}

/** A version as it was read. */
export interface Version {
  readonly manifest: DatanetManifest
  readonly contributions: readonly Contribution[]
}

/**
 * Fetches a version by its manifest's content id, of which no more comes into memory than the manifest says. Throws what
 * `bytes`, `readManifest` and `readVersion` throw.
 */
export async function fetchVersion(
  cid: Cid,
  bytes: (cid: Cid) => Promise<Uint8Array>,
): Promise<Version> {
  const manifest = readManifest(await bytes(cid))
  const shards = await inLanes(manifest.shards, SHARDS_AT_ONCE, async (shard, number) => {
    const read = await bytes(shard.cid)
    requireSize(shard, read, number)
    return read
  })
  return { manifest, contributions: readVersion(manifest, shards) }
}

/**
 * The contributions of a version, from its shards' bytes in the manifest's order. Everything is checked: number, size and content
 * id of the shards, schema, counts, and the root. Throws `DatanetError`: `bad-shard`, `wrong-root`.
 */
export function readVersion(
  manifest: DatanetManifest,
  shards: readonly Uint8Array[],
): Contribution[] {
  if (shards.length !== manifest.shards.length) {
    const message = `${shards.length} shards, the manifest names ${manifest.shards.length}`
    throw new DatanetError('bad-shard', message)
  }
  const contributions = shards.flatMap((bytes, i) => readShard(manifest.shards[i]!, bytes, i))
  const root = contributionsRoot(contributions)
  if (root === manifest.root) return contributions
  throw new DatanetError('wrong-root', `the contributions have root ${root}, not ${manifest.root}`)
}

type ShardEntry = DatanetManifest['shards'][number]

function readShard(entry: ShardEntry, bytes: Uint8Array, number: number): readonly Contribution[] {
  const refuse = (what: string): never => refuseShard(number, what)
  requireSize(entry, bytes, number)
  const { cid } = blockOf(bytes)
  if (cid !== entry.cid) refuse(`its content id is ${cid}, not ${entry.cid}`)
  const decoded = Shard.decode(bytes)
  if (!decoded.ok) return refuse(decoded.reason)
  const { contributions } = decoded.value
  if (contributions.length === entry.contributions) return contributions
  return refuse(`${contributions.length} contributions, not ${entry.contributions}`)
}

function requireSize(entry: ShardEntry, bytes: Uint8Array, number: number): void {
  if (bytes.length === entry.bytes) return
  refuseShard(number, `${bytes.length} bytes, not ${entry.bytes}`)
}

function refuseShard(number: number, what: string): never {
  throw new DatanetError('bad-shard', `shard ${number}: ${what}; fetch it from another provider`)
}

/** Fills shards in order, each up to its size. */
function intoShards(contributions: readonly Contribution[]): Contribution[][] {
  const parts: Contribution[][] = []
  let room = 0
  for (const contribution of contributions) {
    const { name, licence, text } = contribution
    const bytes = FRAME_BYTES + [name, licence, text].reduce((sum, s) => sum + utf8(s).length, 0)
    if (bytes > room || parts.at(-1)?.length === SHARD_CONTRIBUTIONS) {
      parts.push([])
      room = SHARD_BYTES
    }
    parts.at(-1)!.push(contribution)
    room -= bytes
  }
  return parts
}

function manifestBlock(manifest: DatanetManifest): Block {
  try {
    return DatanetManifest.encode(manifest)
  } catch (cause) {
    const size = `${manifest.contributions} contributions in ${manifest.shards.length} shards`
    throw new DatanetError('bad-size', `${size} make no manifest; split the datanet`, { cause })
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]!
  return `${issue.path.join('.')}: ${issue.message}`
}
