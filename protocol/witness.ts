/**
 * What a fine-tune's claim commits to, boundary by boundary: the state there, and the seal of a witness of the segment that
 * ends there. A witness is hashed from bits of each training step that only the step itself gives; states, which are
 * published, do not hold them. So an auditor that opens a seal has trained the segment, or was told by who has. It is bound
 * to the job and to the segment: whoever takes the job over may go on from what others have sealed.
 */
import { concat, fromHex, type Hash, keccakHash, utf8, word, ZERO_HASH } from './hash.ts'
import { merkleHolds, merkleRoot, merkleWay } from './merkle.ts'

/** States in a run at the most, the one before the first step included. */
export const MAX_STATES = 4096
/** Levels of the tree over so many. */
export const WITNESS_LEVELS = 12

/** Which segment of which run: segments count from 0. */
export interface SegmentOf {
  readonly jobId: Hash
  readonly segment: number
}

/** @param shown 32 bytes, hashed from the segment's steps */
export function witnessOf({ jobId, segment }: SegmentOf, shown: Uint8Array): Hash {
  return keccakHash(utf8('witness'), fromHex(jobId), word(segment), shown)
}

/** What is published in the witness's place. */
export function witnessSeal(witness: Hash): Hash {
  return keccakHash(utf8('witness seal'), fromHex(witness))
}

/** The states' hashes, and the seal of each segment between two of them. */
export interface Boundaries {
  readonly states: readonly Hash[]
  readonly seals: readonly Hash[]
}

/** Root over the boundaries: what the claim carries. */
export function boundariesRoot(boundaries: Boundaries): Hash {
  return merkleRoot(leavesOf(boundaries))
}

/** What shows that a seal stands under a claim's commitment: the state beside it, and the way up. */
export interface SealPlace {
  readonly state: Hash
  /** One bit a sibling, as in a `Way`. */
  readonly path: number
  readonly siblings: readonly Hash[]
}

/** Where the seal of a segment stands. */
export function sealPlace(boundaries: Boundaries, segment: number): SealPlace {
  const { path, siblings } = merkleWay(leavesOf(boundaries), segment + 1)
  return { state: boundaries.states[segment + 1]!, path: Number(path), siblings }
}

/** True where the witness's seal stands there under a claim's commitment. */
export function isWitnessed(
  commitment: Hash,
  witness: Hash,
  { state, path, siblings }: SealPlace,
): boolean {
  if (siblings.length > WITNESS_LEVELS) return false
  const leaf = leafOf(state, witnessSeal(witness))
  return merkleHolds(commitment, leaf, { path: BigInt(path), siblings })
}

/** No segment ends in the first state. */
function leavesOf({ states, seals }: Boundaries): Uint8Array[] {
  return states.map((state, boundary) => leafOf(state, seals[boundary - 1] ?? ZERO_HASH))
}

function leafOf(state: Hash, seal: Hash): Uint8Array {
  return concat(fromHex(state), fromHex(seal))
}
