/** A fine-tune comes in quarters. Whoever has the state at the end of one goes on from there. */
import { type Block, blockOf } from '../protocol/document.ts'
import type { Cid } from '../protocol/fields.ts'
import { fromHex, type Hash, keccak, utf8, word } from '../protocol/hash.ts'

export const QUARTERS = 4

/** The state after so many quarters: the same whoever has trained them. */
export function stateAfter(jobId: Hash, quarters: number): Block {
  return blockOf(keccak(utf8('state'), fromHex(jobId), word(quarters)))
}

/** After how many quarters this is the state of the job; 0 where it is none. */
export function quartersAt(jobId: Hash, state: Cid): number {
  for (let quarters = 1; quarters < QUARTERS; quarters++) {
    if (stateAfter(jobId, quarters).cid === state) return quarters
  }
  return 0
}
