/**
 * What this node knows. Messages only ever add facts, in any order and any number of times; facts that refer to each
 * other are joined when duties are computed, so a vote may well arrive before its claim. All collections are bounded.
 */
import type { Attribution } from '../protocol/attribution.ts'
import type { BatchHeader } from '../protocol/batch.ts'
import type { ChainLog, HeadBlock } from '../protocol/chain.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { authorOf, type Kind, type MessageOf, slotOf } from '../protocol/message.ts'
import type { Seen } from '../protocol/opening.ts'
import { LEASE_MS, STALL_MS } from '../protocol/params.ts'
import type { BatchData } from '../protocol/settlement.ts'
import { Batches, type PostedBatch } from './batches.ts'
import { Changes } from './changes.ts'
import { Disputes } from './disputes.ts'
import { noteHead } from './horizon.ts'
import { Members } from './members.ts'
import { Parameters } from './parameters.ts'
import { PriceHistory } from './price-history.ts'

export interface Fact<K extends Kind> {
  readonly envelope: Envelope
  readonly body: MessageOf<K>['body']
  readonly arrivedAtMs: number
  /** Number of the newest block when it arrived. */
  readonly arrivedAtBlock: number
}

/** Signs that follow each other without a long gap. */
export interface Run {
  readonly sinceMs: number
  readonly latestMs: number
}

/** A worker's newest beat. */
export interface BeatFact extends Fact<'beat'> {
  /** Beats that came without the worker losing its lease. */
  readonly signs: Run
  /** Beats among all that showed progress, without the worker stalling; none while none has. */
  readonly progress: Run | undefined
  /** The newest state that it told of. */
  readonly state: Cid | ''
}

/** What contradicts a statement that is held. */
export interface Struck {
  readonly other: Envelope
  readonly heardAtMs: number
}

/** Two signed statements of one author of which only one may be. */
export type Contradiction = readonly [held: Envelope, other: Envelope]

/** A batch that was taken back, while its payers have not got back what it had collected. */
export interface VoidedBatch {
  readonly header: BatchHeader
  readonly data: BatchData
  readonly heardAtMs: number
}

/** Money that a payer has put into escrow, as the chain last told. */
export type Escrow = Pick<
  Extract<ChainLog, { kind: 'escrowed' }>,
  'balanceWei' | 'leavingWei' | 'redeemedWei' | 'authorisedWei'
>

/** An adapter as the registry has it. */
export interface RegisteredModel {
  readonly owner: Address
  readonly base: Cid
}

export interface Ledger {
  readonly changes: Changes
  readonly members: Members
  readonly escrows: Map<Address, Escrow>
  /** Adapters that are registered. */
  readonly models: Map<Cid, RegisteredModel>
  readonly batches: Batches
  /** What governance may move, by epoch. */
  readonly parameters: Parameters
  /** The oldest batch known to be false and not taken back yet; 0 where there is none. */
  faulty: number
  /** When this was last heard of: that it is false, or that one behind it was taken back. */
  faultyHeardAtMs: number
  /** By the hash of the header. */
  readonly voided: Map<Hash, VoidedBatch>
  /** Headers that were ever taken back: the contract takes none of them again. */
  readonly takenBack: Set<Hash>
  /** What stands before the judges, and what to answer them with. */
  readonly disputes: Disputes
  head: HeadBlock | undefined
  /** What blocks up to the head have asked for. */
  readonly prices: PriceHistory

  readonly jobs: Map<Hash, Fact<'job'>>
  /** By job, the newest of each worker. */
  readonly beats: Map<Hash, Map<Address, BeatFact>>
  /** By job and worker: who will not do it. */
  readonly refusals: Map<Hash, Map<Address, Fact<'refusal'>>>
  /** By job and worker. */
  readonly claims: Map<Hash, Map<Address, Fact<'claim'>>>
  /** By claim and validator. */
  readonly votes: Map<Hash, Map<Address, Fact<'vote'>>>
  /** By claim and validator: what they saw. */
  readonly openings: Map<Hash, Map<Address, Fact<'opening'>>>
  readonly proposals: Map<Hash, Fact<'proposal'>>
  /** By job and worker, or by claim and validator: what counts for nothing, since its author also said something else. */
  readonly struck: Map<Hash, Map<Address, Struck>>
  /** By slot: what an author said twice and differently, until the L2 has been told. */
  readonly contradictions: Map<string, { readonly said: Contradiction; readonly heardAtMs: number }>
  /** By header and validator. */
  readonly endorsements: Map<Hash, Map<Address, Fact<'endorsement'>>>
  /** Attributions by claim, read from answers and checked against the claims' roots. */
  readonly attributions: Map<Hash, Attribution>
  /** What this node itself saw when it ran a claim, by claim. */
  readonly seen: Map<Hash, Seen>
  /** Every live envelope but beats, by digest: what reconciliation compares. */
  readonly envelopes: Map<Hash, Envelope>
  /** How many of those each author has said. */
  readonly said: Map<Address, number>
  /** Jobs that stand in a posted batch, with the time from which they may be forgotten; that rises. */
  readonly settled: Map<Hash, { readonly batch: number; readonly untilMs: number }>
}

export function createLedger(parameters = new Parameters(), members = new Members()): Ledger {
  const changes = new Changes()
  const prices = new PriceHistory()
  let head: HeadBlock | undefined
  return {
    changes,
    get prices() {
      if (prices.newest) noteHead()
      return prices
    },
    get head() {
      noteHead()
      return head
    },
    set head(newest) {
      head = newest
      changes.ofHead()
    },
    parameters,
    members,
    escrows: new Map(),
    models: new Map(),
    batches: new Batches(),
    faulty: 0,
    faultyHeardAtMs: 0,
    voided: new Map(),
    takenBack: new Set(),
    disputes: new Disputes(),
    jobs: new Map(),
    beats: new Map(),
    refusals: new Map(),
    claims: new Map(),
    votes: new Map(),
    openings: new Map(),
    proposals: new Map(),
    struck: new Map(),
    contradictions: new Map(),
    endorsements: new Map(),
    attributions: new Map(),
    seen: new Map(),
    envelopes: new Map(),
    said: new Map(),
    settled: new Map(),
  }
}

/** Adds an admitted message. */
export function merge(ledger: Ledger, envelope: Envelope, nowMs: number): void {
  const { message, digest } = envelope
  const common = { envelope, arrivedAtMs: nowMs, arrivedAtBlock: ledger.head?.number ?? 0 }
  const author = authorOf(message)
  if (ledger.disputes.wants(envelope)) {
    ledger.disputes.add(envelope)
    ledger.changes.ofChain()
    return
  }
  if (message.kind !== 'beat') remember(ledger, envelope)
  noteChange(ledger, envelope)
  switch (message.kind) {
    case 'job':
      ledger.jobs.set(digest, { ...common, body: message.body })
      break
    case 'beat': {
      const beats = inner(ledger.beats, message.body.jobId)
      const before = beats.get(author)
      const progressed = message.body.done > (before?.body.done ?? 0)
      const signs = goOn(before?.signs, nowMs, LEASE_MS)
      const progress = progressed ? goOn(before?.progress, nowMs, STALL_MS) : before?.progress
      const state = message.body.state || (before?.state ?? '')
      beats.set(author, { ...common, body: message.body, signs, progress, state })
      break
    }
    case 'refusal':
      inner(ledger.refusals, message.body.jobId).set(author, { ...common, body: message.body })
      break
    case 'claim':
      inner(ledger.claims, message.body.jobId).set(author, { ...common, body: message.body })
      break
    case 'vote':
      inner(ledger.votes, message.body.claim).set(author, { ...common, body: message.body })
      break
    case 'opening':
      inner(ledger.openings, message.body.claim).set(author, { ...common, body: message.body })
      break
    case 'proposal':
      ledger.proposals.set(digest, { ...common, body: message.body })
      break
    case 'endorsement':
      inner(ledger.endorsements, message.body.header).set(author, { ...common, body: message.body })
  }
}

export function noteChange(ledger: Ledger, { message, digest }: Envelope): void {
  const { changes } = ledger
  switch (message.kind) {
    case 'job':
      changes.ofJob(digest)
      break
    case 'beat':
    case 'refusal':
    case 'claim':
      changes.ofJob(message.body.jobId)
      break
    case 'vote':
    case 'opening':
      // It counts for the claim that it names, whatever job it names beside.
      changes.ofJob(jobOf(ledger, message.body.claim) ?? message.body.jobId)
      break
    case 'proposal':
    case 'endorsement':
      changes.ofBatching()
  }
}

function goOn(run: Run | undefined, nowMs: number, longestGapMs: number): Run {
  const goesOn = run !== undefined && nowMs <= run.latestMs + longestGapMs
  return { sinceMs: goesOn ? run.sinceMs : nowMs, latestMs: nowMs }
}

/** Adds what was read of the attribution of an answer that is still open. */
export function attribute(ledger: Ledger, claimId: Hash, attribution: Attribution): void {
  const jobId = jobOf(ledger, claimId)
  if (!jobId) return
  ledger.attributions.set(claimId, attribution)
  ledger.changes.ofJob(jobId)
}

/** Adds what this node saw when it ran a claim that is still open. */
export function see(ledger: Ledger, claimId: Hash, seen: Seen): void {
  const jobId = jobOf(ledger, claimId)
  if (!jobId) return
  ledger.seen.set(claimId, seen)
  ledger.changes.ofJob(jobId)
}

function jobOf(ledger: Ledger, claimId: Hash): Hash | undefined {
  const claim = ledger.envelopes.get(claimId)?.message
  return claim?.kind === 'claim' ? claim.body.jobId : undefined
}

/** The message that already stands in the slot of this one, if any. */
export function standing(ledger: Ledger, envelope: Envelope): Envelope | undefined {
  const { message, digest } = envelope
  const author = authorOf(message)
  switch (message.kind) {
    case 'job':
      return ledger.jobs.get(digest)?.envelope
    case 'beat':
      return ledger.beats.get(message.body.jobId)?.get(author)?.envelope
    case 'refusal':
      return ledger.refusals.get(message.body.jobId)?.get(author)?.envelope
    case 'claim':
      return ledger.claims.get(message.body.jobId)?.get(author)?.envelope
    case 'vote':
      return ledger.votes.get(message.body.claim)?.get(author)?.envelope
    case 'opening':
      return ledger.openings.get(message.body.claim)?.get(author)?.envelope
    case 'endorsement':
      return ledger.endorsements.get(message.body.header)?.get(author)?.envelope
    case 'proposal': {
      // One for each epoch: what was not posted in time is proposed anew.
      const slot = slotOf(message)
      return [...ledger.proposals.values()].find(
        ({ envelope: held }) => slotOf(held.message) === slot,
      )?.envelope
    }
  }
}

/** All signed messages that a node could hand over, beats aside. */
export function envelopesOf({ envelopes, disputes }: Ledger): Envelope[] {
  return [...envelopes.values(), ...disputes.claims.envelopes()]
}

/** Number of the newest posted batch; 0 where there is none. */
export function lastBatch(ledger: Ledger): number {
  return ledger.batches.last
}

/** True while a batch is posted whose data has not been read: what it settles looks open still. */
export function awaitsData(ledger: Ledger): boolean {
  const last = ledger.batches.get(lastBatch(ledger))
  return last !== undefined && !last.data
}

/** The batch of just this header, while it may still be found false. */
export function openBatch(
  { batches, faulty }: Ledger,
  header: BatchHeader,
): PostedBatch | undefined {
  const batch = batches.get(header.number)
  if (batch?.header !== header || batch.final) return undefined
  return faulty === 0 || header.number < faulty ? batch : undefined
}

function remember(ledger: Ledger, envelope: Envelope): void {
  const author = authorOf(envelope.message)
  ledger.envelopes.set(envelope.digest, envelope)
  ledger.said.set(author, (ledger.said.get(author) ?? 0) + 1)
}

export function inner<K, V>(outer: Map<Hash, Map<K, V>>, key: Hash): Map<K, V> {
  const held = outer.get(key)
  if (held) return held
  const created = new Map<K, V>()
  outer.set(key, created)
  return created
}
