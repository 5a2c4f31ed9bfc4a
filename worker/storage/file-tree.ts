/** Strangers' content ids, and the trees of blocks that files are cut into. What is wrong with either is the content's fault. */
import { unixfs } from '@helia/unixfs'
import type { Blockstore } from 'interface-blockstore'
import { CID } from 'multiformats/cid'
import type { Cid } from '../../protocol/fields.ts'
import { isSha256 } from '../block-hash.ts'
import { StorageError } from './errors.ts'

/** @throws StorageError `malformed` where it is none, or none that blocks can be compared with */
export function contentId(cid: Cid): CID {
  const parsed = parse(cid)
  requireSha256(parsed)
  return parsed
}

/** @throws StorageError `malformed` */
export function requireSha256(cid: CID): void {
  if (isSha256(cid)) return
  throw new StorageError('malformed', `${cid} is no content id of SHA-256, as all are here.`)
}

function parse(cid: Cid): CID {
  try {
    return CID.parse(cid)
  } catch (cause) {
    throw new StorageError('malformed', `${cid} has the form of a content id and is none.`, {
      cause,
    })
  }
}

type Store = Pick<Blockstore, 'get' | 'put' | 'has'>

/** The bytes of a file. @throws StorageError `malformed` where its blocks make none; whatever the store throws */
export async function* fileBytes(
  store: Store,
  root: CID,
  options: { readonly signal?: AbortSignal; readonly blockReadConcurrency?: number } = {},
): AsyncGenerator<Uint8Array> {
  let missed: unknown
  const get: Store['get'] = async function* (...asked) {
    try {
      yield* store.get(...asked)
    } catch (error) {
      missed = error
      throw error
    }
  }
  const { put, has } = store
  try {
    yield* unixfs({ blockstore: { get, put, has } }).cat(root, options)
  } catch (cause) {
    options.signal?.throwIfAborted()
    if (missed !== undefined) throw missed
    throw new StorageError('malformed', `${root} is no file: ${(cause as Error).message}.`, {
      cause,
    })
  }
}
