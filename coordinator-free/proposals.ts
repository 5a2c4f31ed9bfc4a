/**
 * Which claims this validator proposes to settle next, and when: in turn, and not while another proposal for the same batch may
 * still come to be posted. One that comes to nothing holds up the others for a while only, whatever it is that is wrong with it.
 */
import type { Proposal } from '../protocol/batch.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import {
  AUDITORS,
  BATCH_WAIT_MS,
  MAX_BATCH_RECEIPTS,
  MAX_NAMED,
  TURN_MS,
  UNENDORSED_MS,
  UNPOSTED_MS,
} from '../protocol/params.ts'
import type { BatchData } from '../protocol/settlement.ts'
import { hasRoomForBond } from './bonds.ts'
import { isPayable, openAfter, overdueSince } from './charges.ts'
import { holdsQuorum } from './committee.ts'
import { hasCome } from './horizon.ts'
import { type Fact, type Ledger, lastBatch } from './ledger.ts'
import type { PayoutRules, Settled } from './payout.ts'
import {
  affordable,
  type Built,
  build,
  hasFailed,
  isTimely,
  mustCollect,
  previousHash,
  type Ready,
} from './settlement.ts'
import { turnPlace } from './turns.ts'
import { type Bargain, proposalBargain, worthSince } from './worth.ts'

export interface Offered {
  readonly proposal: Proposal
  readonly data: BatchData
}

/**
 * The proposal that this validator should make now, if any, with the data it leads to.
 * @param accepted all that may be settled, as `settleable` orders it
 * @param mayStart false of a duty that is under way, or waits to be tried again
 */
export function proposalDue(
  ledger: Ledger,
  rules: PayoutRules,
  built: ReadonlyMap<Hash, Built>,
  accepted: readonly Ready[],
  mayStart: (duty: string) => boolean,
  self: Address,
  nowMs: number,
): Offered | undefined {
  const previous = previousHash(ledger)
  if (previous === undefined || ledger.faulty > 0) return undefined
  const number = lastBatch(ledger) + 1
  const before = ledger.batches.get(number - 1)
  // Clocks differ a little; epochs never go back.
  const epoch = Math.max(ledger.parameters.epochAt(nowMs), before?.header.epoch ?? 0)
  const rivals = [...ledger.proposals].filter(
    ([, { body }]) =>
      body.number === number && body.previous === previous && isTimely(ledger, body, nowMs),
  )
  // What it has said for this epoch it cannot say otherwise.
  if (rivals.some(([, { body }]) => body.proposer === self && body.epoch === epoch))
    return undefined
  if (!hasRoomForBond(ledger, self, epoch)) return undefined
  const place = turnPlace(ledger, 'propose', previous, self)
  // D10: a proposer's bond stands for no claim that it has found false itself.
  const ready = accepted.filter(({ claim }) => !hasFailed(ledger, claim.envelope.digest, self))
  const sinceMs = ready.length > 0 ? dueSince(ready) : overdueSince(before)
  const freeMs = Math.max(sinceMs, ...rivals.map((rival) => holdsUpUntil(ledger, built, rival)))
  if (place < 0 || !hasCome(freeMs + place * TURN_MS, nowMs)) return undefined
  const claims = nameable(affordable(ledger, ready))
  const collects = collectsNow(ledger, number, epoch, claims)
  if (claims.length === 0 && !collects) return undefined
  const worthMs = worthSince(ledger, proposalBargain(ledger, claims, collects, sinceMs))
  if (!hasCome(worthMs + place * TURN_MS, nowMs)) return undefined
  if (!mayStart(offerOf({ number, previous, epoch }))) return undefined
  const common = { proposer: self, number, previous, epoch, availability: '', issuedAtMs: nowMs }
  return handyOffer(ledger, rules, common, claims, nowMs)
}

/** Until when others wait for a proposal: not at all where this node cannot work it out, or bond or fees cannot be had. */
function holdsUpUntil(
  ledger: Ledger,
  built: ReadonlyMap<Hash, Built>,
  [id, { arrivedAtMs, body }]: readonly [Hash, Fact<'proposal'>],
): number {
  const draft = built.get(id)
  if (!draft || !hasRoomForBond(ledger, body.proposer, body.epoch)) return Number.NEGATIVE_INFINITY
  if (!isPayable(ledger, draft.data)) return Number.NEGATIVE_INFINITY
  const signers = ledger.endorsements.get(draft.headerHash)?.keys() ?? []
  return arrivedAtMs + (holdsQuorum(ledger, signers) ? UNPOSTED_MS : UNENDORSED_MS)
}

type Common = Omit<Proposal, 'claims' | 'votes' | 'collects'>

/** With half of the claims, and half of these, where the data would be too large to be handed on. */
function handyOffer(
  ledger: Ledger,
  rules: PayoutRules,
  common: Common,
  claims: readonly Ready[],
  nowMs: number,
): Offered | undefined {
  const proposal = {
    ...common,
    claims: claims.map(({ claim }) => claim.envelope.digest),
    collects: collectsNow(ledger, common.number, common.epoch, claims),
    votes: claims.flatMap(({ votes }) => votes.map(({ envelope }) => envelope.digest)).sort(),
  }
  const worked = build(ledger, rules, proposal, nowMs)
  if (worked) return { proposal, data: worked.data }
  if (claims.length < 2) return undefined
  return handyOffer(ledger, rules, common, claims.slice(0, claims.length >> 1), nowMs)
}

/** As many claims, with their votes, as one message can name. */
function nameable<T extends Settled>(claims: readonly T[]): T[] {
  let [named, votes] = [0, 0]
  const few = claims.slice(0, MAX_BATCH_RECEIPTS)
  const first = few.findIndex((one) => {
    votes += one.votes.length
    named += 1 + one.votes.length
    return named > MAX_NAMED || votes > MAX_BATCH_RECEIPTS * AUDITORS
  })
  return first < 0 ? few : few.slice(0, first)
}

/** Under this name a proposal is offered and then published. */
export function offerOf({
  number,
  previous,
  epoch,
}: Pick<Proposal, 'number' | 'previous' | 'epoch'>): string {
  return `propose ${number} ${previous} ${epoch}`
}

function dueSince(ready: readonly Ready[]): number {
  const oldestMs = Math.min(...ready.map(({ decidedAtMs }) => decidedAtMs))
  return ready.length >= MAX_BATCH_RECEIPTS ? oldestMs : oldestMs + BATCH_WAIT_MS
}

/** Where it must, and where somebody who owes takes money out of its escrow. */
function collectsNow(
  ledger: Ledger,
  number: number,
  epoch: number,
  claims: readonly Settled[],
): boolean {
  const owing = openAfter(ledger.batches.get(number - 1)?.data)
  const isLeaving = owing.some(({ payer }) => (ledger.escrows.get(payer)?.leavingWei ?? 0n) > 0n)
  return isLeaving || mustCollect(ledger, number, epoch, claims)
}

/**
 * What the next batch would cost and bring, while it waits only for cheaper gas or for more to settle.
 * @param accepted at least one, as `settleable` orders them
 */
export function awaitedBargain(
  ledger: Ledger,
  accepted: readonly Ready[],
  nowMs: number,
): Bargain | undefined {
  const number = lastBatch(ledger) + 1
  const epoch = ledger.parameters.epochAt(nowMs)
  const claims = nameable(affordable(ledger, accepted))
  if (claims.length === 0) return undefined
  const collects = collectsNow(ledger, number, epoch, claims)
  const dueMs = dueSince(accepted)
  const bargain = proposalBargain(ledger, claims, collects, dueMs)
  const waits = nowMs >= dueMs && nowMs < worthSince(ledger, bargain)
  return waits ? bargain : undefined
}
