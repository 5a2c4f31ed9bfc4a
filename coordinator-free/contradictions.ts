/** Those who say two things where they may say one: what they said there counts for nothing, and they are reported. */
import type { Envelope } from '../protocol/envelope.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { authorOf, slotOf } from '../protocol/message.ts'
import { MAX_CONTRADICTIONS } from '../protocol/params.ts'
import { type Contradiction, inner, type Ledger, noteChange } from './ledger.ts'

/**
 * Strikes what contradicts itself: each node holds the statement that it heard first, so they agree only where neither counts.
 * And keeps it for who will report it: one of each author is enough to slash it; the rest would only crowd.
 */
export function contradict(ledger: Ledger, said: Contradiction, nowMs: number): void {
  const author = authorOf(said[0].message)
  strike(ledger, said, nowMs)
  const known = [...ledger.contradictions.values()]
  if (known.some((one) => authorOf(one.said[0].message) === author)) return
  const slot = slotOf(said[0].message)
  if (slot === undefined || known.length >= MAX_CONTRADICTIONS) return
  ledger.contradictions.set(slot, { said, heardAtMs: nowMs })
  ledger.changes.ofChain()
}

function strike(ledger: Ledger, [{ message }, other]: Contradiction, heardAtMs: number): void {
  if (message.kind !== 'claim' && message.kind !== 'vote') return
  const { body } = message
  const isVote = message.kind === 'vote'
  const struck = inner(ledger.struck, isVote ? message.body.claim : body.jobId)
  const author = authorOf(message)
  if (struck.has(author)) return
  struck.set(author, { other, heardAtMs })
  noteChange(ledger, other)
}

/** True of a claim, or of a vote on one, whose author has said something else in its place. */
export function isStruck(ledger: Ledger, subject: Hash, author: Address): boolean {
  return ledger.struck.get(subject)?.has(author) === true
}

/** The other statements of those who said two things: handed over, so that all come to know of both. */
export function contradicting({ struck }: Ledger): Envelope[] {
  return [...struck.values()].flatMap((of) => [...of.values()].map(({ other }) => other))
}
