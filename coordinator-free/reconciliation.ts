/** What a node and a neighbour tell each other of what they hold, so that who was away catches up. */
import type { Envelope } from '../protocol/envelope.ts'
import type { Hash } from '../protocol/hash.ts'
import { MAX_RECONCILE_MS, MAX_RECONCILED, RECONCILE_MS } from '../protocol/params.ts'
import { contradicting } from './contradictions.ts'
import type { Ledger } from './ledger.ts'
import type { Built } from './settlement.ts'

/**
 * When a node asks a neighbour again: twice as seldom each time that it has learned nothing by it, and often when it has, or
 * has heard of something that it lacks.
 */
export class Rounds {
  #begunAtMs = 0
  #waitMs = RECONCILE_MS

  get nextAtMs(): number {
    return this.#begunAtMs + this.#waitMs
  }

  /** Begins the next where its time has come. */
  begin(nowMs: number): boolean {
    if (nowMs < this.nextAtMs) return false
    this.#begunAtMs = nowMs
    this.#waitMs = Math.min(2 * this.#waitMs, MAX_RECONCILE_MS)
    return true
  }

  /** There was, or is, something new. */
  hurry(): void {
    this.#waitMs = RECONCILE_MS
  }
}

/** Digests of all that this node holds and others might hand over. */
export function held(ledger: Ledger): Hash[] {
  const { disputes, envelopes } = ledger
  const beside = [...disputes.evidence(), ...contradicting(ledger)]
  return [...beside.map(({ digest }) => digest), ...envelopes.keys()]
}

/** Whether a neighbour that holds these holds something that this node does not: it may be a job that nobody else has heard of. */
export function lacks({ envelopes }: Ledger, theirs: readonly Hash[]): boolean {
  return theirs.some((digest) => !envelopes.has(digest))
}

/**
 * What a neighbour lacks, up to a bound. A jury has less time than anybody else.
 * @param built batches worked out by this node: nobody has any use for endorsements of others
 * @param answers how often others were answered: who refuses what comes first must be given the rest the next time
 */
export function missing(
  ledger: Ledger,
  built: Iterable<Built>,
  have: readonly Hash[],
  answers: number,
): Uint8Array[] {
  const theirs = new Set(have)
  const headers = new Set([...built].map(({ headerHash }) => headerHash))
  const isOfUse = ({ message }: Envelope): boolean =>
    message.kind !== 'endorsement' || headers.has(message.body.header)
  const isLacking = (one: Envelope): boolean => !theirs.has(one.digest) && isOfUse(one)
  const urgent = [...ledger.disputes.evidence(), ...contradicting(ledger)].filter(isLacking)
  const others = [...ledger.envelopes.values()].filter(isLacking)
  const from = others.length > MAX_RECONCILED ? (answers * MAX_RECONCILED) % others.length : 0
  const envelopes = [...urgent, ...others.slice(from), ...others.slice(0, from)]
  return envelopes.slice(0, MAX_RECONCILED).map(({ bytes }) => bytes)
}
