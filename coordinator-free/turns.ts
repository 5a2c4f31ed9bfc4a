/** Whose turn it is, where several validators could do the same: the order is drawn by what it is about. */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { LEAST_TURN_MS, TURN_MS } from '../protocol/params.ts'
import type { Ledger } from './ledger.ts'

/** This validator's place in the order of turns; -1 for who is none. */
export function turnPlace(ledger: Ledger, purpose: string, subject: Hash, self: Address): number {
  return ledger.members.ranked('validator', purpose, subject).findIndex(({ node }) => node === self)
}

/** Place in an order of turns that one node leads and the validators follow; -1 for who has none. */
export function placeAfter(
  ledger: Ledger,
  first: Address,
  purpose: string,
  subject: Hash,
  self: Address,
): number {
  if (self === first) return 0
  const order = ledger.members.ranked('validator', purpose, subject)
  const others = order.filter(({ node }) => node !== first)
  const place = others.findIndex(({ node }) => node === self)
  return place < 0 ? -1 : place + 1
}

/** Turns of such a length that all have had one when half of the time is over. */
export function turnWithin(fromMs: number, untilMs: number, turns: number): number {
  return Math.min(TURN_MS, Math.max(LEAST_TURN_MS, (untilMs - fromMs) / (2 * turns)))
}
