/** Documents that a node fetches for us. It need not be believed: a block is compared with its content id. */
import {
  type Contribution,
  contributionLeaf,
  DatanetManifest,
  Shard,
} from '../../protocol/datanet.ts'
import { blockOf, type Document } from '../../protocol/document.ts'
import type { Cid } from '../../protocol/fields.ts'
import { merkleProof, merkleRoot, type Proof } from '../../protocol/merkle.ts'
import type { VersionState } from '../chain/datanets.ts'
import { type Client, ClientError } from './client.ts'

/** @throws ClientError where the node has it not, or gives something else */
export async function fetchDocument<T>(node: Client, document: Document<T>, cid: Cid): Promise<T> {
  return decodedAs(
    document,
    cid,
    await fetchBlock(node, cid, (bytes) => blockOf(bytes).cid === cid),
  )
}

/** @throws ClientError where the node gives what is not it */
export async function fetchBlock(
  node: Client,
  cid: Cid,
  isIt: (bytes: Uint8Array) => boolean,
): Promise<Uint8Array> {
  const bytes = await node.bytes(`/blocks/${cid}`)
  if (isIt(bytes)) return bytes
  throw new ClientError(`${node.url} gave other bytes than ${cid} names. Ask another: --node.`)
}

/** @throws ClientError where the bytes are none */
export function decodedAs<T>(document: Document<T>, cid: Cid, bytes: Uint8Array): T {
  const decoded = document.decode(bytes)
  if (decoded.ok) return decoded.value
  throw new ClientError(`${cid} is no ${document.name}: ${decoded.reason}.`)
}

/** The contributions of a version, shard by shard. */
export async function* contributionsIn(
  node: Client,
  { manifest: cid, contributions }: Pick<VersionState, 'manifest' | 'contributions'>,
): AsyncGenerator<Contribution> {
  const manifest = await fetchDocument(node, DatanetManifest, cid)
  let count = 0
  for (const shard of manifest.shards) {
    const { contributions: held } = await fetchDocument(node, Shard, shard.cid)
    count += held.length
    if (count > contributions) break
    yield* held
  }
  if (count === contributions) return
  throw new ClientError(
    `${cid} lists other than the ${contributions} contributions that the chain tells of.`,
  )
}

/** One contribution with its place under the version's root; of the others, only their leaves are kept. */
export async function placedContribution(
  node: Client,
  version: VersionState,
  index: number,
): Promise<{ readonly contribution: Contribution; readonly proof: Proof }> {
  const leaves: Uint8Array[] = []
  let found: Contribution | undefined
  for await (const contribution of contributionsIn(node, version)) {
    if (leaves.length === index) found = contribution
    leaves.push(contributionLeaf(contribution))
  }
  if (!found) {
    throw new ClientError(
      `Version ${version.version} has ${leaves.length} contributions, numbered from 0: there is no ${index}.`,
    )
  }
  if (merkleRoot(leaves) !== version.root) {
    throw new ClientError(
      `The contributions that ${version.manifest} lists are not those on the chain.`,
    )
  }
  return { contribution: found, proof: merkleProof(leaves, index) }
}
