/** How much may be read of a file that strangers made: a tree of a few blocks may name each of them a million times. */
import type { CID } from 'multiformats/cid'
import { blocksOf } from '../../protocol/manifest.ts'
import { StorageError } from './errors.ts'

export interface Room {
  /** Bytes of all blocks together. */
  readonly maxBytes: number
  readonly maxBlocks: number
}

/** What a file of so many bytes takes: with its inner nodes it may weigh a hundredth more, and a kilobyte for small ones. */
export function roomFor(bytes: number): Room {
  return { maxBytes: Math.ceil(bytes * 1.01) + 1024, maxBlocks: blocksOf(bytes) }
}

/** Lets blocks through until there are too many. */
export function bounded(root: CID, room: Room): (block: Uint8Array) => Uint8Array {
  let bytes = 0
  let count = 0
  return (block) => {
    bytes += block.length
    count += 1
    if (bytes <= room.maxBytes && count <= room.maxBlocks) return block
    throw larger(root, room)
  }
}

export function larger(root: CID, { maxBytes, maxBlocks }: Room): StorageError {
  const most = `more than ${maxBytes} bytes or ${maxBlocks} blocks`
  return new StorageError(
    'lies',
    `${root} is larger than it was said to be: ${most}. No more of it was read.`,
  )
}
