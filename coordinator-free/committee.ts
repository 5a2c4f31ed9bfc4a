/** Who checks a claim, and what their votes amount to. Nothing here is stored but for speed: it is read off the ledger. */
import type { Claim } from '../protocol/claim.ts'
import type { Address } from '../protocol/fields.ts'
import { fromHex, type Hash, keccakHash } from '../protocol/hash.ts'
import { AUDITORS, QUORUM_DENOMINATOR, QUORUM_NUMERATOR, SEAT_WAIT_MS } from '../protocol/params.ts'
import type { Verdict } from '../protocol/vote.ts'
import { stepsSince } from './horizon.ts'
import type { Fact, Ledger } from './ledger.ts'
import type { Member } from './registry.ts'

/** The state of a claim in the eyes of this node. */
export interface Standing {
  readonly status: 'open' | 'accepted' | 'rejected'
  /** When the deciding vote arrived; meaningless while open. */
  readonly decidedAtMs: number
  /** True where every seated auditor has voted. */
  readonly complete: boolean
  /** Votes of seated auditors. */
  readonly votes: readonly Fact<'vote'>[]
}

/**
 * Validators in the order of their seats for a claim; nobody audits a node of the same owner. Who sits depends on the job and
 * its worker alone: of a claim's digest its author could try many, until its friends sit.
 */
function auditors(ledger: Ledger, claim: Fact<'claim'>): readonly Member[] {
  const owner = ledger.members.get(claim.body.worker)?.owner
  return ledger.members.seated('validator', 'audit', subjectOf(claim), AUDITORS, owner)
}

/** Each event asks for it again, so it is kept with the claim. */
function subjectOf({ body }: Fact<'claim'>): Hash {
  const held = SUBJECTS.get(body)
  if (held) return held
  const subject = keccakHash(fromHex(body.jobId), fromHex(body.worker))
  SUBJECTS.set(body, subject)
  return subject
}

const SUBJECTS = new WeakMap<Claim, Hash>()

/** The auditors who have a seat by now: the first few, and one more for each long wait without a verdict. */
export function seated(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): readonly Member[] {
  const { order, seats } = seatsOf(ledger, claim, nowMs)
  return order.slice(0, seats)
}

/** All who may audit a claim, in their order, and how many of them have a seat by now. */
export function seatsOf(
  ledger: Ledger,
  claim: Fact<'claim'>,
  nowMs: number,
): { readonly order: readonly Member[]; readonly seats: number } {
  const waits = stepsSince(claim.arrivedAtMs, SEAT_WAIT_MS, nowMs)
  return { order: auditors(ledger, claim), seats: AUDITORS + waits }
}

export function standingOf(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): Standing {
  const { order, seats } = seatsOf(ledger, claim, nowMs)
  const cast = ledger.votes.get(claim.envelope.digest)
  const struck = ledger.struck.get(claim.envelope.digest)
  const asked = {
    order,
    seats: Math.min(seats, order.length),
    votes: cast?.size ?? 0,
    struck: struck?.size ?? 0,
  }
  const held = STANDINGS.get(claim)
  if (held && isSame(held.asked, asked)) return held.standing
  const sitting = order.slice(0, asked.seats)
  const counting = sitting.filter(({ node }) => !struck?.has(node))
  const votes = counting.flatMap(({ node }) => cast?.get(node) ?? [])
  const standing = count(votes, counting.length, quorum(Math.min(AUDITORS, order.length)))
  STANDINGS.set(claim, { asked, standing })
  return standing
}

/** What a claim's standing follows from: votes, and contradictions of them, only ever come in addition. */
interface Asked {
  readonly order: readonly Member[]
  readonly seats: number
  readonly votes: number
  readonly struck: number
}

/** Asked for several times at each event, so the last is kept with the claim. */
const STANDINGS = new WeakMap<
  Fact<'claim'>,
  { readonly asked: Asked; readonly standing: Standing }
>()

function isSame(a: Asked, b: Asked): boolean {
  const isSameSeats = a.order === b.order && a.seats === b.seats
  return isSameSeats && a.votes === b.votes && a.struck === b.struck
}

function count(votes: readonly Fact<'vote'>[], seats: number, needed: number): Standing {
  const passes = arrivals(votes, 'pass')
  const fails = arrivals(votes, 'fail')
  const complete = votes.length === seats
  const decided = (status: Standing['status'], at: readonly number[]): Standing => {
    return { status, decidedAtMs: at[needed - 1] ?? 0, complete, votes }
  }
  if (needed > 0 && passes.length >= needed) return decided('accepted', passes)
  if (needed > 0 && fails.length >= needed) return decided('rejected', fails)
  return decided('open', [])
}

/** The fewest that make two thirds of `of`. */
function quorum(of: number): number {
  return Math.ceil((of * QUORUM_NUMERATOR) / QUORUM_DENOMINATOR)
}

/** True where these validators hold two thirds of the validators' stake: what the ResultLedger asks of a batch. */
export function holdsQuorum(ledger: Ledger, validators: Iterable<Address>): boolean {
  const all = ledger.members.withRole('validator')
  const total = all.reduce((sum, { stakeWei }) => sum + stakeWei, 0n)
  const signers = new Set(validators)
  const signed = all.reduce(
    (sum, { node, stakeWei }) => (signers.has(node) ? sum + stakeWei : sum),
    0n,
  )
  return total > 0n && signed * BigInt(QUORUM_DENOMINATOR) >= total * BigInt(QUORUM_NUMERATOR)
}

function arrivals(votes: readonly Fact<'vote'>[], verdict: Verdict): number[] {
  return votes
    .filter(({ body }) => body.verdict === verdict)
    .map(({ arrivedAtMs }) => arrivedAtMs)
    .sort((a, b) => a - b)
}
