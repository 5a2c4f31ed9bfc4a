/**
 * What chooses which part of a claim a validator checks: something that nobody knew when the claim was made. It follows
 * from a block mined after the claim had come, so a vote that names the block lets anybody work it out again.
 */
import type { Hash } from '../../protocol/hash.ts'
import type { MinedBlocks } from '../chain/mined-blocks.ts'

export interface Anchor {
  /** The block, by its number; a juror, whose ballot names none, has only its hash. */
  readonly block: number | Hash
  /** The block's hash where it is at hand. */
  readonly hash?: Hash | undefined
  /** When the check began here; none where it looks again at what that block has chosen. */
  readonly afterMs?: number
}

export interface Draw {
  readonly randomness: Hash
  /** Number of the block that it follows from, which may be a later one; none where a juror goes by a hash. */
  readonly block: number | undefined
}

export interface Beacon {
  /** Waits while there is none yet. Throws `ChainError` or `BeaconError` where it cannot be had for now. */
  of(anchor: Anchor, signal: AbortSignal): Promise<Draw>
}

/** The block's hash. Whoever makes the blocks has some choice in it. */
export function chainBeacon(blocks: Pick<MinedBlocks, 'at'>): Beacon {
  return {
    of: async ({ block, hash }, signal) => {
      if (typeof block !== 'number') return { randomness: block, block: undefined }
      return { randomness: hash ?? (await blocks.at(block, signal)).hash, block }
    },
  }
}

/** Checks that are tried again at the same time, at the most; the oldest is forgotten. */
const MAX_KEPT = 4096

/**
 * Where each check began stands, however often the check must be tried again. Otherwise whoever keeps back the claim's
 * output, or a round of drand, would have another part drawn until it likes one.
 */
export class Beginnings {
  readonly #anchors = new Map<string, Anchor>()

  /** @param block the one that the check is ordered with now, and its hash */
  of(duty: string, block: number | Hash, hash: Hash): Anchor {
    const first = this.#anchors.get(duty)
    // The hash is left out: the chain may have put another block in its place.
    if (first) return first.block === block ? { ...first, hash } : first
    const [oldest] = this.#anchors.keys()
    if (this.#anchors.size >= MAX_KEPT && oldest !== undefined) this.#anchors.delete(oldest)
    const begun = { block, afterMs: Date.now() }
    this.#anchors.set(duty, begun)
    return { ...begun, hash }
  }

  forget(duty: string): void {
    this.#anchors.delete(duty)
  }
}
