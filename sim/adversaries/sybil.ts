/** One of several nodes among which one owner has spread one stake. Each works as it should. */
import type { Adversary, Body } from './adversary.ts'

export function sybil(body: Body): Adversary {
  return ({ kind }) => {
    if (kind === 'execute' || kind === 'verify') body.strike()
    return false
  }
}
