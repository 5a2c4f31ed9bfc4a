/**
 * From accepted claims to a paid batch, without a coordinator: the validator whose turn it is proposes which claims are
 * next, each validator works out the batch for itself and endorses what it finds, and whoever's turn it is posts what
 * has the quorum. Two valid proposals may both be endorsed; the contract takes the first that is posted.
 */
import { type BatchHeader, BatchHeader as HeaderStruct, type Proposal } from '../protocol/batch.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import { type Hash, toHex, ZERO_HASH } from '../protocol/hash.ts'
import { maxFeeWei } from '../protocol/job.ts'
import { merkleProof } from '../protocol/merkle.ts'
import { BATCH_WAIT_MS, LATE_VOTE_MS, MAX_BATCH_RECEIPTS, TURN_MS } from '../protocol/params.ts'
import { receiptLeaf } from '../protocol/receipt.ts'
import { type BatchData, chargesOf, headerOf } from '../protocol/settlement.ts'
import { hashStruct } from '../protocol/struct.ts'
import { acceptedClaim } from './assignment.ts'
import { holdsQuorum, seated } from './committee.ts'
import type { Duty, SignedCharge } from './events.ts'
import { type Fact, type Ledger, lastBatch } from './ledger.ts'
import { batchData, type PayoutRules, type Settled } from './payout.ts'

/** A proposal worked out by this node. */
export interface Built {
  readonly header: BatchHeader
  readonly headerHash: Hash
  readonly data: BatchData
  readonly charges: readonly SignedCharge[]
}

export function headerHash(header: BatchHeader): Hash {
  return toHex(hashStruct(HeaderStruct, header)) as Hash
}

/** Hash of the newest posted header, on which the next batch builds; `undefined` while its data has not been read. */
function previousHash(ledger: Ledger): Hash | undefined {
  const last = lastBatch(ledger)
  if (last === 0) return ZERO_HASH
  const { header, data } = ledger.batches.get(last)!
  return data && headerHash(header)
}

/** The proposal that this validator should make now, if any. */
export function proposalDue(
  ledger: Ledger,
  built: ReadonlyMap<Hash, Built>,
  self: Address,
  nowMs: number,
): Proposal | undefined {
  const previous = previousHash(ledger)
  if (previous === undefined) return undefined
  const number = lastBatch(ledger) + 1
  const ours = (fact: Fact<'proposal'>): boolean =>
    fact.body.number === number && fact.body.previous === previous
  const live = [...ledger.proposals].filter(([, fact]) => ours(fact))
  if (live.some(([id, { body }]) => built.has(id) || body.proposer === self)) return undefined
  const ready = settleable(ledger, nowMs)
  const place = turnPlace(ledger, 'propose', previous, self)
  if (ready.length === 0 || place < 0) return undefined
  const oldestMs = Math.min(...ready.map(({ decidedAtMs }) => decidedAtMs))
  const waitMs = ready.length >= MAX_BATCH_RECEIPTS ? 0 : BATCH_WAIT_MS
  if (nowMs < oldestMs + waitMs + place * TURN_MS) return undefined
  const claims = affordable(ledger, ready).slice(0, MAX_BATCH_RECEIPTS)
  if (claims.length === 0) return undefined
  return {
    proposer: self,
    number,
    previous,
    claims: claims.map(({ claim }) => claim.envelope.digest),
    votes: claims.flatMap(({ votes }) => votes.map(({ envelope }) => envelope.digest)).sort(),
    issuedAtMs: nowMs,
  }
}

/** Works out a proposal; `undefined` while facts are missing, or for good where this node holds it to be wrong. */
export function build(
  ledger: Ledger,
  rules: PayoutRules,
  proposal: Proposal,
  nowMs: number,
): Built | undefined {
  const { number, previous, claims } = proposal
  if (number !== lastBatch(ledger) + 1 || previous !== previousHash(ledger)) return undefined
  if (!isAscending(claims) || !isAscending(proposal.votes) || claims.length === 0) return undefined
  const named = new Set(proposal.votes)
  const settled = claims.map((id) => settledFrom(ledger, id, named, nowMs))
  if (!settled.every((one) => one !== undefined)) return undefined
  const counted = settled.reduce((sum, { votes }) => sum + votes.length, 0)
  if (counted !== named.size || affordable(ledger, settled).length < settled.length)
    return undefined
  const data = batchData(ledger, rules, number, previous, settled)
  if (!data) return undefined
  const header = headerOf(data)
  return { header, headerHash: headerHash(header), data, charges: signCharges(data, settled) }
}

/** The transaction that this validator should send now: a batch with its quorum, or the end of a window. */
export function postDue(
  ledger: Ledger,
  built: ReadonlyMap<Hash, Built>,
  self: Address,
  nowMs: number,
): Duty | undefined {
  for (const { header, headerHash, charges } of built.values()) {
    const endorsements = ledger.endorsements.get(headerHash)
    if (header.number !== lastBatch(ledger) + 1 || !endorsements) continue
    if (!holdsQuorum(ledger, endorsements.keys())) continue
    const place = turnPlace(ledger, 'post', headerHash, self)
    const newestMs = Math.max(...[...endorsements.values()].map((fact) => fact.arrivedAtMs))
    if (place < 0 || nowMs < newestMs + place * TURN_MS) continue
    const signed = [...endorsements]
      .map(([validator, { envelope }]) => ({ validator, signature: envelope.signature }))
      .sort((a, b) => (a.validator < b.validator ? -1 : 1))
    return { kind: 'post', duty: `post ${headerHash}`, header, endorsements: signed, charges }
  }
  return undefined
}

/** Batches are finalised in order, each as soon as the chain's own clock is past its window. */
export function finaliseDue(ledger: Ledger, self: Address): Duty | undefined {
  const next = [...ledger.batches].filter(([, { final }]) => !final).sort(([a], [b]) => a - b)[0]
  if (!next || !ledger.head) return undefined
  const [number, { header, finalAtMs }] = next
  const place = turnPlace(ledger, 'finalise', headerHash(header), self)
  if (place < 0 || ledger.head.timestampMs < finalAtMs + place * TURN_MS) return undefined
  return { kind: 'finalise', duty: `finalise ${number}`, number }
}

/** Adapters that this node ordered and that are settled for good, but not yet registered as its own. */
export function registrationsDue(ledger: Ledger, self: Address): Duty[] {
  return [...ledger.batches].flatMap(([number, { final, data }]) => {
    if (!final || !data) return []
    return data.receipts.flatMap((receipt, index): Duty[] => {
      const { task, requester, output } = receipt
      if (task !== 'fine-tune' || requester !== self || ledger.modelOwners.has(output)) return []
      const proof = merkleProof(data.receipts.map(receiptLeaf), index)
      return [{ kind: 'register', duty: `register ${output}`, batch: number, receipt, proof }]
    })
  })
}

interface Ready extends Settled {
  readonly decidedAtMs: number
}

/** Accepted claims whose votes are all in, or waited for long enough, by ascending digest. */
function settleable(ledger: Ledger, nowMs: number): Ready[] {
  const ready = [...ledger.jobs].flatMap(([jobId, job]): Ready[] => {
    const accepted = acceptedClaim(ledger, jobId, nowMs)
    if (!accepted) return []
    const { claim, standing } = accepted
    const waited = nowMs >= standing.decidedAtMs + LATE_VOTE_MS
    if (!standing.complete && !waited) return []
    if (needsAttribution(job) && !ledger.attributions.has(claim.envelope.digest)) return []
    return [{ job, claim, votes: standing.votes, decidedAtMs: standing.decidedAtMs }]
  })
  return ready.sort((a, b) => (a.claim.envelope.digest < b.claim.envelope.digest ? -1 : 1))
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
  const cast = ledger.votes.get(claimId)
  if (!job || !cast || accepted?.claim.envelope.digest !== claimId) return undefined
  const votes = seated(ledger, accepted.claim, nowMs).flatMap(({ node }) => {
    const vote = cast.get(node)
    return vote && named.has(vote.envelope.digest) ? [vote] : []
  })
  const passes = votes.filter(({ body }) => body.verdict === 'pass').length
  return 2 * passes > votes.length ? { job, claim: accepted.claim, votes } : undefined
}

/** Leaves out claims that their payer's escrow or vouchers no longer cover. */
function affordable<T extends Settled>(ledger: Ledger, settled: readonly T[]): T[] {
  const spentWei = new Map<Address, bigint>()
  return settled.filter(({ job: { body } }) => {
    const escrow = ledger.escrows.get(body.requester)
    const spent = (spentWei.get(body.requester) ?? 0n) + maxFeeWei(body)
    if (!escrow || spent > escrow.balanceWei) return false
    spentWei.set(body.requester, spent)
    return true
  })
}

/** Each payer's charge with the furthest-reaching of its vouchers among these jobs. */
function signCharges(data: BatchData, settled: readonly Settled[]): SignedCharge[] {
  return chargesOf(data.receipts).map((charge) => {
    const jobs = settled.filter(({ job }) => job.body.requester === charge.payer)
    const best = jobs.reduce((a, b) => (b.job.body.voucherWei > a.job.body.voucherWei ? b : a))
    const { voucherWei, voucherSignature } = best.job.body
    return { ...charge, cumulativeWei: voucherWei, signature: voucherSignature }
  })
}

/** This validator's place in the order of turns; -1 for who is none. */
function turnPlace(ledger: Ledger, purpose: string, subject: Hash, self: Address): number {
  return ledger.members.ranked('validator', purpose, subject).findIndex(({ node }) => node === self)
}

function isAscending(hashes: readonly (Hash | Cid)[]): boolean {
  return hashes.every((hash, index) => index === 0 || hashes[index - 1]! < hash)
}
