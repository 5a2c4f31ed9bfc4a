/**
 * What is left of settled claims while their batches may be doubted: the ledger forgets jobs and claims once they are settled,
 * but a jury may ask for them. Bounded: what somebody doubts, or a jury is about, goes last.
 */
import type { BatchHeader } from '../protocol/batch.ts'
import type { Claim } from '../protocol/claim.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Address } from '../protocol/fields.ts'
import { type Hash, ZERO_HASH } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import type { Seen } from '../protocol/opening.ts'
import { MAX_KEPT_CLAIMS } from '../protocol/params.ts'

export interface Kept {
  readonly jobId: Hash
  /** That of the batch in which it stands. */
  readonly header: BatchHeader
  job: Envelope | undefined
  claim: Envelope | undefined
  /** The votes that passed it. */
  readonly passes: readonly Envelope[]
  /** What those opened who are paid for passing it, in the order of its receipt; none unless this node has heard all. */
  readonly openings: readonly Envelope[]
  /** What this node saw when it ran it; nothing where it has not. */
  saw: Seen | undefined
  /** Validators whose verdict was a fail. */
  readonly failedBy: Set<Address>
  /** Validators that have run it, whatever they found. */
  readonly checkedBy: ReadonlySet<Address>
}

export class KeptClaims {
  /** By claim, the oldest first. */
  readonly #kept = new Map<Hash, Kept>()
  /** Claims among them that somebody has failed. */
  readonly #doubted = new Set<Hash>()
  /** Claims among them of which somebody opened another transcript than this node saw. */
  readonly #unseen = new Set<Hash>()
  /** Claims among them for which no spot check has been drawn yet. */
  readonly #undrawn = new Set<Hash>()
  readonly #isBeforeJury: (claim: Hash) => boolean

  constructor(isBeforeJury: (claim: Hash) => boolean) {
    this.#isBeforeJury = isBeforeJury
  }

  get(claim: Hash): Kept | undefined {
    return this.#kept.get(claim)
  }

  /** Settled claims that somebody has failed. */
  get doubted(): readonly (readonly [claim: Hash, Kept])[] {
    return [...this.#doubted].map((claim) => [claim, this.#kept.get(claim)!] as const)
  }

  /** Settled answers of which somebody opened another transcript than this node saw. */
  get unseen(): readonly (readonly [claim: Hash, Kept])[] {
    return [...this.#unseen].map((claim) => [claim, this.#kept.get(claim)!] as const)
  }

  /** A kept claim with its job, where both are there. */
  work(claim: Hash): { readonly job: Job; readonly claim: Claim } | undefined {
    const kept = this.#kept.get(claim)
    const [job, signed] = [kept?.job?.message, kept?.claim?.message]
    if (job?.kind !== 'job' || signed?.kind !== 'claim') return undefined
    return { job: job.body, claim: signed.body }
  }

  /** Keeps what a settled claim can be judged by. */
  keep(claim: Hash, fresh: Kept): void {
    const held = this.#kept.get(claim)
    const failedBy = new Set([...(held?.failedBy ?? []), ...fresh.failedBy])
    const { job = held?.job, claim: signed = held?.claim } = fresh
    const passes = fresh.passes.length > 0 ? fresh.passes : (held?.passes ?? [])
    const openings = fresh.openings.length > 0 ? fresh.openings : (held?.openings ?? [])
    this.#kept.set(claim, { ...fresh, job, claim: signed, passes, openings, failedBy })
    if (failedBy.size > 0) this.#doubted.add(claim)
    this.see(claim, fresh.saw ?? held?.saw)
    if (!held) this.#undrawn.add(claim)
    if (this.#kept.size > MAX_KEPT_CLAIMS) this.#drop(this.#leastUseful())
  }

  /** Claims that were kept since this was last asked, and who has run them: what a block draws spot checks of. */
  takeUndrawn(): readonly (readonly [claim: Hash, Kept])[] {
    const claims = [...this.#undrawn]
    this.#undrawn.clear()
    return claims.map((claim) => [claim, this.#kept.get(claim)!] as const)
  }

  /** Whether the next block draws spot checks. */
  get hasUndrawn(): boolean {
    return this.#undrawn.size > 0
  }

  /** A check that ended when the claim was settled already. */
  fail(claim: Hash, validator: Address): void {
    const held = this.#kept.get(claim)
    if (!held) return
    held.failedBy.add(validator)
    this.#doubted.add(claim)
  }

  /** A validator doubts a claim no longer. */
  relent(claim: Hash, validator: Address): void {
    const held = this.#kept.get(claim)
    held?.failedBy.delete(validator)
    if (held?.failedBy.size === 0) this.#doubted.delete(claim)
  }

  /** This node has run the claim. */
  see(claim: Hash, seen: Seen | undefined): void {
    const held = this.#kept.get(claim)
    if (!held) return
    held.saw = seen
    if (madeUp(held).length > 0) this.#unseen.add(claim)
    else this.#unseen.delete(claim)
  }

  /** Those of a batch, with what their authors and auditors have signed, as far as it is held. */
  ofBatch(header: BatchHeader): Kept[] {
    return [...this.#kept.values()].filter((kept) => kept.header === header)
  }

  /** The batch is final or gone: what was kept for a dispute about it goes, but for what is before a jury. */
  forget(header: BatchHeader): void {
    for (const [claim, kept] of this.#kept) {
      if (kept.header === header) this.release(claim)
    }
  }

  /** A claim of a batch that is final or gone goes, unless a jury is about it. */
  release(claim: Hash): void {
    if (!this.#isBeforeJury(claim)) this.#drop(claim)
  }

  /** All jobs and claims that are kept. */
  envelopes(): Envelope[] {
    return [...this.#kept.values()].flatMap(signedIn)
  }

  #leastUseful(): Hash {
    const claims = [...this.#kept.keys()]
    const isIdle = (claim: Hash): boolean => !this.#isBeforeJury(claim)
    const isDoubted = (claim: Hash): boolean => this.#doubted.has(claim) || this.#unseen.has(claim)
    return (
      claims.find((claim) => isIdle(claim) && !isDoubted(claim)) ??
      claims.find(isIdle) ??
      claims[0]!
    )
  }

  #drop(claim: Hash): void {
    this.#kept.delete(claim)
    this.#doubted.delete(claim)
    this.#unseen.delete(claim)
    this.#undrawn.delete(claim)
  }
}

/**
 * What those opened who passed a claim, where they agree on a transcript that no run of it shows, as this node knows that has
 * run it; nothing elsewhere. All are accused together: else one of a ring could be given up, and the others get away.
 */
export function madeUp({ openings, saw }: Kept): readonly Envelope[] {
  const [first] = openings
  if (!saw?.isSure || !first || transcriptIn(first) === saw.transcript) return []
  const isOne = openings.every((opening) => transcriptIn(opening) === transcriptIn(first))
  return isOne ? openings : []
}

/** The transcript that an opening shows. */
export function transcriptIn({ message }: Envelope): Hash {
  return message.kind === 'opening' ? message.body.transcript : ZERO_HASH
}

/** The job and the claim, as far as they are held. */
export function signedIn(kept: Kept | undefined): Envelope[] {
  return [kept?.job, kept?.claim].filter((envelope) => envelope !== undefined)
}
