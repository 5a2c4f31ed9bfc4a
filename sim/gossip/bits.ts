/** Sets of up to 32 things as words. */
import type { Streams } from '../kernel/streams.ts'

/** How many are in the set. */
export function sizeOf(set: number): number {
  let bits = set - ((set >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** The place of the first in a set that is not empty; `set & (set - 1)` is the set without it. */
export function firstOf(set: number): number {
  return 31 - Math.clz32(set & -set)
}

/** As many of the set as wanted, or all where there are fewer, drawn from the node's stream. */
export function someOf(set: number, wanted: number, streams: Streams, node: number): number {
  const size = sizeOf(set)
  if (size <= wanted) return set
  // Whatever is fewer is drawn: those to take, or those to leave.
  const takes = wanted * 2 <= size
  let left = set
  let drawn = 0
  for (let count = takes ? wanted : size - wanted; count > 0; count--) {
    const bit = nth(left, streams.below(node, sizeOf(left)))
    left ^= bit
    drawn |= bit
  }
  return takes ? drawn : left
}

/** The bit of the set's member number `index`. */
function nth(set: number, index: number): number {
  let rest = set
  for (let skipped = 0; skipped < index; skipped++) rest &= rest - 1
  return rest & -rest
}
