/** A fine-tune comes in a few segments. Whoever has the state at the end of one goes on from there. */
import { type Block, blockOf } from '../protocol/document.ts'
import { fromHex, type Hash, keccak, utf8, word } from '../protocol/hash.ts'

export const SEGMENTS = 4

/** The state after so many segments: the same whoever has trained them. */
export function stateAfter(jobId: Hash, segments: number): Block {
  return blockOf(keccak(utf8('state'), fromHex(jobId), word(segments)))
}
