/** Whether bytes are the block that a content id names. */
import { createHash } from 'node:crypto'
import type { CID } from 'multiformats/cid'

const SHA2_256 = 0x12

/** All our content ids are SHA-256; bytes of others are never theirs, since nothing can be said of them. */
export function isBlockOf(cid: CID, bytes: Uint8Array): boolean {
  const digest = createHash('sha256').update(bytes).digest()
  return isSha256(cid) && digest.equals(cid.multihash.digest)
}

export function isSha256({ multihash }: CID): boolean {
  return multihash.code === SHA2_256
}
