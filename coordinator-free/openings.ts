/**
 * Who has looked. A vote carries the seal of a transcript, which only a run of the claim gives; when the votes are in, it is
 * opened. Of the votes that pass an answer, those count in a batch whose transcripts agree with most; of those that pass a
 * fine-tune, those whose witnesses the claim itself has sealed. Whoever passed a claim unseen stands alone or has nothing to
 * show, is not paid, and cannot vote any more when it hears what others saw.
 */

import type { Claim } from '../protocol/claim.ts'
import type { Address } from '../protocol/fields.ts'
import { type Hash, ZERO_HASH } from '../protocol/hash.ts'
import { transcriptSeal } from '../protocol/opening.ts'
import { LATE_VOTE_MS, OPEN_WAIT_MS } from '../protocol/params.ts'
import { isWitnessed } from '../protocol/witness.ts'
import { type Standing, standingOf } from './committee.ts'
import { hasCome } from './horizon.ts'
import type { Fact, Ledger } from './ledger.ts'

/** True where this validator should open its vote now: a claim is accepted, and all have voted or had time to. */
export function mayOpen(
  ledger: Ledger,
  claim: Fact<'claim'>,
  self: Address,
  nowMs: number,
): boolean {
  const { digest } = claim.envelope
  const vote = ledger.votes.get(digest)?.get(self)
  if (vote?.body.verdict !== 'pass' || ledger.openings.get(digest)?.has(self)) return false
  const { status, complete, decidedAtMs } = standingOf(ledger, claim, nowMs)
  if (status !== 'accepted') return false
  return complete || hasCome(decidedAtMs + OPEN_WAIT_MS, nowMs)
}

/** True where all that passed are opened. */
export function areOpen(ledger: Ledger, votes: readonly Fact<'vote'>[]): boolean {
  return votes.every((vote) => !isPass(vote) || openingOf(ledger, vote) !== undefined)
}

/** Of votes on one claim those that did not pass, and of the others those of auditors who have shown that they looked. */
export function proven(ledger: Ledger, votes: readonly Fact<'vote'>[]): Fact<'vote'>[] {
  const tune = tuneOf(ledger, votes)
  if (tune) return votes.filter((vote) => !isPass(vote) || isShown(ledger, tune, vote))
  return agreed(ledger, votes)
}

/** The claim that these votes are about, where it is on a fine-tune. */
function tuneOf(ledger: Ledger, votes: readonly Fact<'vote'>[]): Claim | undefined {
  const message = votes[0] && ledger.envelopes.get(votes[0].body.claim)?.message
  if (message?.kind !== 'claim') return undefined
  return ledger.jobs.get(message.body.jobId)?.body.task === 'fine-tune' ? message.body : undefined
}

/** True where the opening brings the witness of a segment that the claim has sealed. */
function isShown(ledger: Ledger, { commitment }: Claim, vote: Fact<'vote'>): boolean {
  const opening = openingOf(ledger, vote)
  if (!opening) return false
  const { transcript, state, path, siblings } = opening.body
  const shown = SHOWN.get(opening) ?? isWitnessed(commitment, transcript, { state, path, siblings })
  SHOWN.set(opening, shown)
  return shown
}

/** Asked for as often as the seals. */
const SHOWN = new WeakMap<Fact<'opening'>, boolean>()

/** Passes whose transcripts agree with most, and fails. */
function agreed(ledger: Ledger, votes: readonly Fact<'vote'>[]): Fact<'vote'>[] {
  const seen = votes.map((vote) => (isPass(vote) ? transcriptOf(ledger, vote) : undefined))
  const counts = new Map<Hash, number>()
  for (const transcript of seen) {
    if (transcript) counts.set(transcript, (counts.get(transcript) ?? 0) + 1)
  }
  const most = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0]
  return votes.filter((vote, index) => !isPass(vote) || (most && seen[index] === most))
}

/**
 * True of a claim that was passed, but by auditors of whom too few can show that they looked: openings have had their time,
 * and the passes that agree are no more than the fails.
 */
export function isUnproven(
  ledger: Ledger,
  { votes, decidedAtMs }: Standing,
  nowMs: number,
): boolean {
  return hasCome(decidedAtMs + LATE_VOTE_MS, nowMs) && !arePassed(proven(ledger, votes))
}

/** True where most of these votes are passes. */
export function arePassed(votes: readonly Fact<'vote'>[]): boolean {
  return 2 * votes.filter(isPass).length > votes.length
}

/**
 * Of votes that are proven, without passes that this node heard only after one of them was opened, unless the others are
 * too few to carry the claim.
 * What somebody opens who has made it up keeps nobody out.
 */
export function beforeOpenings(
  ledger: Ledger,
  votes: readonly Fact<'vote'>[],
): readonly Fact<'vote'>[] {
  const openings = votes.flatMap((vote) => openingOf(ledger, vote)?.arrivedAtMs ?? [])
  const firstMs = Math.min(...openings)
  const early = votes.filter((vote) => !isPass(vote) || vote.arrivedAtMs <= firstMs)
  return arePassed(early) ? early : votes
}

/** What opens a vote; nothing where it is another seal's. */
function openingOf(ledger: Ledger, { body }: Fact<'vote'>): Fact<'opening'> | undefined {
  const { claim, validator, seal } = body
  const opening = ledger.openings.get(claim)?.get(validator)
  if (!opening) return undefined
  const held = SEALS.get(opening) ?? transcriptSeal(claim, opening.body.transcript, validator)
  SEALS.set(opening, held)
  return held === seal ? opening : undefined
}

/** What a vote's opening shows; nothing where its author's arithmetic is not exact, and so shows nothing. */
function transcriptOf(ledger: Ledger, vote: Fact<'vote'>): Hash | undefined {
  const transcript = openingOf(ledger, vote)?.body.transcript
  return transcript === ZERO_HASH ? undefined : transcript
}

/** Asked for again and again, so it is kept with the opening. */
const SEALS = new WeakMap<Fact<'opening'>, Hash>()

function isPass({ body }: Fact<'vote'>): boolean {
  return body.verdict === 'pass'
}
