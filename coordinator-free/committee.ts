/** Who checks a claim, and what their votes amount to. Nothing here is stored but for speed: it is read off the ledger. */
import type { Claim } from '../protocol/claim.ts'
import type { Address } from '../protocol/fields.ts'
import { fromHex, type Hash, keccakHash } from '../protocol/hash.ts'
import { held } from '../protocol/held.ts'
import {
  AUDITORS,
  LATE_VOTE_MS,
  QUORUM_DENOMINATOR,
  QUORUM_NUMERATOR,
  SEAT_WAIT_MS,
  SECOND_LOOKS,
} from '../protocol/params.ts'
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
function auditors(ledger: Ledger, work: Work): readonly Member[] {
  const owner = ledger.members.get(work.worker)?.owner
  return ledger.members.seated('validator', 'audit', subjectOf(work), AUDITORS, owner)
}

/** A job and who does it. */
type Work = Pick<Claim, 'jobId' | 'worker'>

/** Each event asks for it again, so it is kept with the claim. */
function subjectOf(work: Work): Hash {
  return held(SUBJECTS, work, () => keccakHash(fromHex(work.jobId), fromHex(work.worker)))
}

const SUBJECTS = new WeakMap<Work, Hash>()

/** Who will have the first seats where this worker hands in a claim. */
export function auditorsToBe(ledger: Ledger, work: Work): readonly Member[] {
  return auditors(ledger, work).slice(0, AUDITORS)
}

/** The auditors who have a seat by now: the first few, and one more for each long wait without a verdict. */
export function seated(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): readonly Member[] {
  const { order, seats } = seatsOf(ledger, claim, nowMs)
  return order.slice(0, seats)
}

interface Seats {
  readonly order: readonly Member[]
  readonly seats: number
  /** Whether one of a fine-tune's stands against the others. */
  readonly areSplit: boolean
}

/** All who may audit a claim, in their order, and how many of them have a seat by now. */
export function seatsOf(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): Seats {
  const waits = stepsSince(claim.arrivedAtMs, SEAT_WAIT_MS, nowMs)
  const order = auditors(ledger, claim.body)
  const seats = AUDITORS + waits
  const split = isTune(ledger, claim) ? splitOf(ledger, claim, order) : undefined
  const areSplit = split !== undefined && split.seats <= seats
  return { order, seats: areSplit ? seats + SECOND_LOOKS : seats, areSplit }
}

/** True of a claim on which auditors disagree, and that others have to decide. */
export function isSplit(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): boolean {
  if (!seatsOf(ledger, claim, nowMs).areSplit) return false
  return standingOf(ledger, claim, nowMs).status === 'open'
}

function isTune(ledger: Ledger, { body }: Fact<'claim'>): boolean {
  return ledger.jobs.get(body.jobId)?.body.task === 'fine-tune'
}

interface Split {
  /** The one that stands against passes. */
  readonly fail: Fact<'vote'>
  /** The fewest seats among which both are. Whoever sits behind them looks at what failed, and is no other audit of it. */
  readonly seats: number
}

/**
 * Where one fail stands against passes. Two of them reject a fine-tune by themselves; and one that comes long after the
 * passes were enough is late, for a batch with the claim may be on its way: else whoever has a seat could undo batches.
 */
function splitOf(
  ledger: Ledger,
  claim: Fact<'claim'>,
  order: readonly Member[],
): Split | undefined {
  if ((ledger.votes.get(claim.envelope.digest)?.size ?? 0) < 2) return undefined
  const placed = votesOf(ledger, claim, order)
  const ofVerdict = (verdict: Verdict) => placed.filter(({ vote }) => vote.body.verdict === verdict)
  const [passes, fails] = [ofVerdict('pass'), ofVerdict('fail')]
  if (!passes[0] || !fails[0]) return undefined
  const seats = Math.max(AUDITORS, passes[0].place + 1, fails[0].place + 1)
  const within = (votes: readonly Placed[], count: number) =>
    votes.filter(({ place }) => place < count)
  const [fail, next] = within(fails, seats).sort((a, b) => a.vote.arrivedAtMs - b.vote.arrivedAtMs)
  if (!fail || isLate(claim, fail, within(passes, seats), quorum(AUDITORS))) return undefined
  const enough = neededOf(order.length, true).passes
  const all = within(passes, seats + SECOND_LOOKS)
  return next && !isLate(claim, next, all, enough) ? undefined : { fail: fail.vote, seats }
}

interface Placed {
  readonly place: number
  readonly vote: Fact<'vote'>
}

/**
 * True of a fail long after so many passes, by the clock here or by theirs: to who was away all votes come at once. Who has
 * voted before it had a seat has said nothing until then.
 */
function isLate(
  { body, arrivedAtMs }: Fact<'claim'>,
  { place, vote }: Placed,
  passes: readonly Placed[],
  enough: number,
): boolean {
  const waits = Math.max(0, place + 1 - AUDITORS)
  const seatedAtMs = Math.min(arrivedAtMs, body.issuedAtMs) + waits * SEAT_WAIT_MS
  const isAfter = (atMs: (vote: Fact<'vote'>) => number): boolean => {
    const decidedAtMs = passes.map((pass) => atMs(pass.vote)).sort((a, b) => a - b)[enough - 1]
    if (decidedAtMs === undefined) return false
    return Math.max(atMs(vote), seatedAtMs) > decidedAtMs + LATE_VOTE_MS
  }
  return isAfter((one) => one.arrivedAtMs) || isAfter((one) => one.body.issuedAtMs)
}

/** Votes of these validators with their places, without those who have contradicted themselves. */
function votesOf(
  ledger: Ledger,
  { envelope }: Fact<'claim'>,
  sitting: readonly Member[],
): Placed[] {
  const cast = ledger.votes.get(envelope.digest)
  const struck = ledger.struck.get(envelope.digest)
  return sitting.flatMap(({ node }, place) => {
    const vote = struck?.has(node) ? undefined : cast?.get(node)
    return vote ? [{ place, vote }] : []
  })
}

/**
 * The audit of a fine-tune that failed, for a validator that looks second: it repeats that one, and none of its own, which
 * would be of another part and see nothing of what was seen. None for whoever sits at first.
 */
export function failedBefore(
  ledger: Ledger,
  claim: Fact<'claim'>,
  self: Address,
): Fact<'vote'> | undefined {
  if (!isTune(ledger, claim)) return undefined
  const order = auditors(ledger, claim.body)
  const split = splitOf(ledger, claim, order)
  const place = order.findIndex(({ node }) => node === self)
  return split && place >= split.seats ? split.fail : undefined
}

export function standingOf(ledger: Ledger, claim: Fact<'claim'>, nowMs: number): Standing {
  const { order, seats, areSplit } = seatsOf(ledger, claim, nowMs)
  const cast = ledger.votes.get(claim.envelope.digest)
  const struck = ledger.struck.get(claim.envelope.digest)
  const asked = {
    order,
    seats: Math.min(seats, order.length),
    votes: cast?.size ?? 0,
    struck: struck?.size ?? 0,
  }
  const known = STANDINGS.get(claim)
  if (known && isSame(known.asked, asked)) return known.standing
  const sitting = order.slice(0, asked.seats)
  const counting = sitting.filter(({ node }) => !struck?.has(node))
  const votes = votesOf(ledger, claim, sitting).map(({ vote }) => vote)
  const standing = count(votes, counting.length, neededOf(order.length, areSplit))
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

interface Needed {
  readonly passes: number
  readonly fails: number
}

/**
 * Two of three; W2: where one stands against the others at a fine-tune three of five, or as near to that as there are
 * validators.
 */
function neededOf(validators: number, areSplit: boolean): Needed {
  const few = quorum(Math.min(AUDITORS, validators))
  if (!areSplit) return { passes: few, fails: few }
  const among = Math.min(AUDITORS + SECOND_LOOKS, validators)
  const passes = Math.floor(among / 2) + 1
  return { passes, fails: among - passes + 1 }
}

function count(votes: readonly Fact<'vote'>[], seats: number, needed: Needed): Standing {
  const passes = arrivals(votes, 'pass')
  const fails = arrivals(votes, 'fail')
  const common = { complete: votes.length === seats, votes }
  const [passedAtMs, failedAtMs] = [passes[needed.passes - 1], fails[needed.fails - 1]]
  if (passedAtMs !== undefined) return { status: 'accepted', decidedAtMs: passedAtMs, ...common }
  if (failedAtMs !== undefined) return { status: 'rejected', decidedAtMs: failedAtMs, ...common }
  return { status: 'open', decidedAtMs: 0, ...common }
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
