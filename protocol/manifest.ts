/**
 * A set of files in IPFS, with its bounds signed in: how many bytes and blocks a fetch may pull, how deep, in which
 * codecs. Whoever fetches stops at the first byte beyond, so a manifest that lies costs nobody more than it said.
 */
import { z } from 'zod'
import { type DocumentValue, document } from './document.ts'
import { cid } from './fields.ts'

/** Bytes in one leaf of a file; larger blocks pass bitswap badly, smaller ones cost a round trip each. */
export const LEAF_BYTES = 1024 * 1024

/** A file's tree has one node above its leaves up to this many, two levels above more. */
export const LEAVES_A_NODE = 1024

export function leavesOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / LEAF_BYTES))
}

/** Leaves of a file of so many bytes, and the nodes above them. */
export function blocksOf(bytes: number): number {
  const leaves = leavesOf(bytes)
  if (leaves === 1) return 1
  const nodes = Math.ceil(leaves / LEAVES_A_NODE)
  return leaves + nodes + (nodes > 1 ? 1 : 0)
}

const MAX_FILES = 64
const GIB = 1024 ** 3
const bytes = z
  .number()
  .int()
  .min(0)
  .max(64 * GIB)

export const FilesManifest = document(
  'files manifest',
  32 * 1024,
  z.strictObject({
    files: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a plain lowercase file name'),
          cid,
          bytes,
        }),
      )
      .min(1)
      .max(MAX_FILES),
    totalBytes: bytes,
    /** Blocks below this one. */
    blocks: z.number().int().min(1).max(200_000),
    /** Levels below this one. */
    depth: z.number().int().min(1).max(6),
    codecs: z.array(z.enum(['raw', 'dag-pb'])).max(2),
  }),
)
export type FilesManifest = DocumentValue<typeof FilesManifest>

/** Why the figures of a manifest do not fit each other, or `undefined`. */
export function manifestFault(manifest: FilesManifest): string | undefined {
  const { files, totalBytes } = manifest
  const sum = files.reduce((total, file) => total + file.bytes, 0)
  if (sum !== totalBytes) return `its files have ${sum} bytes, not the ${totalBytes} it says`
  const names = new Set(files.map(({ name }) => name))
  return names.size === files.length ? undefined : 'it names a file twice'
}
