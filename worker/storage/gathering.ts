/**
 * The blocks of a file, brought here in an order that no two nodes share. Where many want a new file in the same moment each
 * soon has what others lack, and they give it to one another; in the order of the file all would wait for whoever had it first.
 */
import * as dagPb from '@ipld/dag-pb'
import type { CID } from 'multiformats/cid'
import { inLanes } from '../lanes.ts'
import { shuffled } from '../shuffled.ts'
import { type Fetch, type Limits, WANTED_BLOCKS } from './fetching.ts'
import { larger } from './room.ts'

/** @param onLeaf is told how many bytes of the file are here */
export async function gather(
  fetch: Fetch,
  root: CID,
  limits: Limits,
  onLeaf: (bytes: number) => void,
): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([limits.signal, over.signal])
  let bytes = 0
  try {
    const leaves = shuffled(await leavesBelow(fetch, root, limits))
    await inLanes(leaves, WANTED_BLOCKS, async (leaf) => {
      const { length } = await fetch(leaf, signal)
      bytes += length
      onLeaf(bytes)
    })
  } finally {
    over.abort()
  }
}

/** Each of them once. What is no node of a tree of files has none, which whoever reads the file will say. */
async function leavesBelow(fetch: Fetch, root: CID, limits: Limits): Promise<CID[]> {
  const seen = new Map([[root.toString(), root]])
  for (const cid of seen.values()) {
    if (cid.code !== dagPb.code) continue
    for (const child of childrenOf(await fetch(cid, limits.signal))) {
      seen.set(child.toString(), child)
      if (seen.size > limits.maxBlocks) throw larger(root, limits)
    }
  }
  return [...seen.values()].filter(({ code }) => code !== dagPb.code)
}

function childrenOf(node: Uint8Array): CID[] {
  try {
    return dagPb.decode(node).Links.map(({ Hash }) => Hash)
  } catch {
    return []
  }
}
