/**
 * From accepted claims to a paid batch, without a coordinator: the validator whose turn it is proposes which claims are
 * next, each validator works out the batch for itself and endorses what it finds, and whoever's turn it is posts what
 * has the quorum. Two valid proposals may both be endorsed; the contract takes the first that is posted. Fees are
 * collected once in so many batches, as governed, since each payer's charge costs as much as many receipts.
 */
import { type BatchHeader, headerHash, type Proposal } from '../protocol/batch.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import { type Hash, ZERO_HASH } from '../protocol/hash.ts'
import {
  BATCH_WAIT_MS,
  LATE_VOTE_MS,
  MAX_AHEAD_MS,
  MAX_BATCH_AGE_EPOCHS,
  MAX_FINALISED,
  TURN_MS,
} from '../protocol/params.ts'
import { MAX_AUDITORS } from '../protocol/receipt.ts'
import { type BatchData, headerOf, isHandy, MAX_CHARGES } from '../protocol/settlement.ts'
import { acceptedClaim } from './assignment.ts'
import { hasRoomForBond } from './bonds.ts'
import { isPayable, openAfter, overdueSince } from './charges.ts'
import { holdsQuorum } from './committee.ts'
import type { Duty } from './events.ts'
import { hasCome } from './horizon.ts'
import { type Fact, type Ledger, lastBatch } from './ledger.ts'
import { areOpen, arePassed, beforeOpenings, proven } from './openings.ts'
import { batchData, type PayoutRules, type Settled } from './payout.ts'
import { type Purse, purseOf } from './purse.ts'
import { turnPlace } from './turns.ts'
import { finaliseBargain, postBargain, worthSince } from './worth.ts'

/** A proposal worked out by this node. */
export interface Built {
  readonly header: BatchHeader
  readonly headerHash: Hash
  readonly data: BatchData
}

/** Hash of the newest posted header, on which the next batch builds; `undefined` while its data has not been read. */
export function previousHash(ledger: Ledger): Hash | undefined {
  const last = lastBatch(ledger)
  if (last === 0) return ZERO_HASH
  const { header, data } = ledger.batches.get(last)!
  return data && headerHash(header)
}

/** One of the epochs in which the contract takes a batch is left for posting it, and none is of an epoch to come. */
export function isTimely(ledger: Ledger, { epoch }: Proposal, nowMs: number): boolean {
  const { parameters } = ledger
  if (epoch > parameters.epochAt(nowMs + MAX_AHEAD_MS)) return false
  return epoch + MAX_BATCH_AGE_EPOCHS > parameters.epochAt(nowMs)
}

/** Since when a batch that is worked out was due; what was accepted elsewhere only has waited for long. */
function dueSinceOf(ledger: Ledger, { number, receipts }: BatchData, nowMs: number): number {
  if (receipts.length === 0) return overdueSince(ledger.batches.get(number - 1))
  const decided = receipts.map(({ jobId }) => {
    return acceptedClaim(ledger, jobId, nowMs)?.standing.decidedAtMs ?? Number.NEGATIVE_INFINITY
  })
  return Math.min(...decided) + BATCH_WAIT_MS
}

/** True where this validator's own verdict on a claim was a fail. */
export function hasFailed(ledger: Ledger, claim: Hash, self: Address): boolean {
  return ledger.votes.get(claim)?.get(self)?.body.verdict === 'fail'
}

/** True where fees have been open for as many batches as governance allows, or of as many payers as a batch can charge. */
export function mustCollect(
  ledger: Ledger,
  number: number,
  epoch: number,
  claims: readonly Settled[],
): boolean {
  let first = number
  while (ledger.batches.get(first - 1)?.header.openWei) first -= 1
  const payers = new Set(claims.map(({ job }) => job.body.requester))
  for (const { payer } of openAfter(ledger.batches.get(number - 1)?.data)) payers.add(payer)
  const batches = number - first + 1
  const isDue = batches >= ledger.parameters.at('collectionBatches', epoch)
  return isDue || claims.length === 0 || payers.size > MAX_CHARGES / 2
}

/** Works out a proposal; `undefined` while facts are missing, or for good where this node holds it to be wrong. */
export function build(
  ledger: Ledger,
  rules: PayoutRules,
  proposal: Proposal,
  nowMs: number,
): Built | undefined {
  const { number, previous, claims, epoch, collects, availability } = proposal
  if (number !== lastBatch(ledger) + 1 || previous !== previousHash(ledger)) return undefined
  if (!isTimely(ledger, proposal, nowMs) || !hasRoomForBond(ledger, proposal.proposer, epoch))
    return undefined
  const before = ledger.batches.get(number - 1)
  if (epoch < (before?.header.epoch ?? 0)) return undefined
  if (!isAscending(claims) || !isAscending(proposal.votes)) return undefined
  if (claims.length === 0 && !(collects && openAfter(before?.data).length > 0)) return undefined
  const named = new Set(proposal.votes)
  const settled: Settled[] = []
  for (const id of claims) {
    const one = settledFrom(ledger, id, named, nowMs)
    if (!one) return undefined
    settled.push(one)
  }
  const counted = settled.reduce((sum, { votes }) => sum + votes.length, 0)
  if (counted !== named.size || affordable(ledger, settled).length < settled.length)
    return undefined
  if (!collects && mustCollect(ledger, number, epoch, settled)) return undefined
  const worked = batchData(ledger, rules, proposal, settled)
  if (!worked) return undefined
  const data = rules.intern?.(worked) ?? worked
  if (!isHandy(data)) return undefined
  const header = headerOf(data, availability)
  return { header, headerHash: headerHash(header), data }
}

/** Endorsements of those who are validators still: the contract takes no other beside them. */
function endorsedBy(ledger: Ledger, header: Hash): Map<Address, Fact<'endorsement'>> {
  const all = ledger.endorsements.get(header) ?? []
  return new Map([...all].filter(([validator]) => ledger.members.has(validator, 'validator')))
}

/** The transaction that this validator should send now: a batch with its quorum, or the end of a window. */
export function postDue(
  ledger: Ledger,
  built: ReadonlyMap<Hash, Built>,
  self: Address,
  nowMs: number,
): Duty | undefined {
  for (const { header, headerHash, data } of built.values()) {
    const endorsements = endorsedBy(ledger, headerHash)
    if (header.number !== lastBatch(ledger) + 1 || endorsements.size === 0) continue
    if (!ledger.parameters.takesBatchOf(header.epoch, nowMs)) continue
    if (!hasRoomForBond(ledger, header.proposer, header.epoch) || !isPayable(ledger, data)) continue
    if (!holdsQuorum(ledger, endorsements.keys())) continue
    const place = turnPlace(ledger, 'post', headerHash, self)
    const newestMs = Math.max(...[...endorsements.values()].map((fact) => fact.arrivedAtMs))
    if (place < 0 || !hasCome(newestMs + place * TURN_MS, nowMs)) continue
    const charges = data.collects ? data.charges : []
    const dueMs = dueSinceOf(ledger, data, nowMs)
    const bargain = postBargain(header, endorsements.size, charges.length, dueMs)
    const worthMs = worthSince(ledger, bargain)
    if (!hasCome(worthMs + place * TURN_MS, nowMs)) continue
    const signed = [...endorsements]
      .map(([validator, { envelope }]) => ({ validator, signature: envelope.signature }))
      .sort((a, b) => (a.validator < b.validator ? -1 : 1))
    return { kind: 'post', duty: `post ${headerHash}`, header, endorsements: signed, charges }
  }
  return undefined
}

/**
 * Batches are finalised in order, each as soon as the chain's own clock is past its window and no judge is asked about
 * it; those that leave their fees open wait for the one that collects, since nobody is paid before.
 */
export function finaliseDue(ledger: Ledger, self: Address): Duty | undefined {
  const open = [...ledger.batches.open].sort((a, b) => a - b)
  if (open.length === 0) return undefined
  const nowMs = ledger.head?.timestampMs ?? 0
  const sound = open
    .filter((number) => ledger.faulty === 0 || number < ledger.faulty)
    .map((number) => ledger.batches.get(number)!)
  const over = sound.findIndex(
    ({ finalAtMs, header }) => nowMs < finalAtMs || ledger.disputes.holds(header),
  )
  const due = over < 0 ? sound : sound.slice(0, over)
  const last = due.findLastIndex(({ header }) => header.openWei === 0n)
  const batches = due.slice(0, Math.min(last + 1, MAX_FINALISED))
  const first = batches[0]
  if (!first) return undefined
  const place = turnPlace(ledger, 'finalise', headerHash(first.header), self)
  if (place < 0 || nowMs < batches.at(-1)!.finalAtMs + place * TURN_MS) return undefined
  const headers = batches.map(({ header }) => header)
  if (nowMs < worthSince(ledger, finaliseBargain(batches)) + place * TURN_MS) return undefined
  return { kind: 'finalise', duty: `finalise ${first.header.number}`, headers }
}

/** An accepted claim that may be settled. */
export interface Ready extends Settled {
  readonly decidedAtMs: number
}

/** A job's accepted claim once its votes are all in and opened, or waited for long enough. */
export function readyOf(ledger: Ledger, job: Fact<'job'>, nowMs: number): Ready | undefined {
  const accepted = acceptedClaim(ledger, job.envelope.digest, nowMs)
  if (!accepted) return undefined
  const { claim, standing } = accepted
  const { complete, votes, decidedAtMs } = standing
  const areIn = complete && areOpen(ledger, votes)
  if (!areIn && !hasCome(decidedAtMs + LATE_VOTE_MS, nowMs)) return undefined
  // A receipt has room for so many: who waits for long is looked at by more and more.
  const counted = beforeOpenings(ledger, proven(ledger, votes)).slice(0, MAX_AUDITORS)
  if (!arePassed(counted)) return undefined
  if (needsAttribution(job) && !ledger.attributions.has(claim.envelope.digest)) return undefined
  return { job, claim, votes: counted, decidedAtMs }
}

/** By ascending digest of their claims, as a batch names them. */
export function settleable(ready: Iterable<Ready>): Ready[] {
  return [...ready].sort((a, b) => (a.claim.envelope.digest < b.claim.envelope.digest ? -1 : 1))
}

/** True where an answer's contributors are to be paid. */
export function needsAttribution({ body }: Fact<'job'>): boolean {
  return body.task === 'inference' && body.adapter !== ''
}

/** A named claim with its named votes, where this node, too, holds it to be accepted. */
function settledFrom(
  ledger: Ledger,
  claimId: Hash,
  named: ReadonlySet<Hash>,
  nowMs: number,
): Settled | undefined {
  const message = ledger.envelopes.get(claimId)?.message
  if (message?.kind !== 'claim') return undefined
  const job = ledger.jobs.get(message.body.jobId)
  const accepted = acceptedClaim(ledger, message.body.jobId, nowMs)
  if (!job || accepted?.claim.envelope.digest !== claimId) return undefined
  const counted = proven(ledger, accepted.standing.votes)
  const votes = counted.filter(({ envelope }) => named.has(envelope.digest))
  if (votes.length > MAX_AUDITORS || !arePassed(votes)) return undefined
  return { job, claim: accepted.claim, votes }
}

/** Leaves out claims that their payer's escrow or vouchers no longer cover. */
export function affordable<T extends Settled>(ledger: Ledger, settled: readonly T[]): T[] {
  const purses = new Map<Address, Purse>()
  return settled.filter(({ job: { body } }) => {
    const purse = purses.get(body.requester) ?? purseOf(ledger, body.requester)
    purses.set(body.requester, purse)
    return purse.pay(body)
  })
}

function isAscending(hashes: readonly (Hash | Cid)[]): boolean {
  return hashes.every((hash, index) => index === 0 || hashes[index - 1]! < hash)
}
