/** The reasons that a node can give for what it did or was paid: `reasons.ts` finds them, `reason-words.ts` says them. */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { RefusalReason } from '../protocol/refusal.ts'
import type { Verdict, VoteReason } from '../protocol/vote.ts'
import type { TurnEnd } from './assignment.ts'

/** Places count from 1. */
interface Place {
  readonly place: number
  readonly of: number
}

export type Reason =
  // About executing it.
  | { readonly code: 'no-worker' }
  | { readonly code: 'seed-block-ahead'; readonly seedBlock: number; readonly head: number }
  | { readonly code: 'deadline-passed'; readonly deadlineMs: number }
  | ({ readonly code: 'has-turn'; readonly sinceMs: number } & Place)
  | ({ readonly code: 'waits-for-turn'; readonly behind: Address } & Place)
  | ({ readonly code: 'turn-never-came'; readonly accepted: Address } & Place)
  | ({
      readonly code: 'turn-lost'
      readonly end: TurnEnd
      readonly sinceMs: number
      readonly endMs: number
    } & Place)
  | ({ readonly code: 'refused'; readonly why: RefusalReason } & Place)
  | ({ readonly code: 'claimed'; readonly claim: Hash } & Place)
  | { readonly code: 'refused-by-all'; readonly whys: readonly RefusalReason[] }
  // About auditing one of its claims.
  | { readonly code: 'no-validator'; readonly claim: Hash }
  | { readonly code: 'own-claim'; readonly claim: Hash; readonly worker: Address }
  | ({ readonly code: 'not-seated'; readonly claim: Hash; readonly seats: number } & Place)
  | ({ readonly code: 'vote-due'; readonly claim: Hash } & Place)
  | {
      readonly code: 'voted'
      readonly claim: Hash
      readonly verdict: Verdict
      readonly why: VoteReason
      readonly checked: number
    }
  // About its settlement and pay.
  | { readonly code: 'claim-rejected'; readonly claim: Hash; readonly fails: readonly VoteReason[] }
  | { readonly code: 'no-verdict-yet'; readonly claim: Hash; readonly votes: number }
  | { readonly code: 'not-covered'; readonly payer: Address; readonly missingWei: bigint }
  | {
      readonly code: 'gas-too-dear'
      /** Of posting the batch in which it would be, for this block's price, and what that batch would bring in fees. */
      readonly costWei: bigint
      readonly feesWei: bigint
      readonly untilMs: number
    }
  | { readonly code: 'settled'; readonly batch: number; readonly worker: Address }
  | { readonly code: 'paid-as-worker'; readonly wei: bigint; readonly units: number }
  | { readonly code: 'paid-as-validator'; readonly wei: bigint; readonly among: number }
  | { readonly code: 'paid-as-model-owner'; readonly wei: bigint }
  | { readonly code: 'outvoted'; readonly verdict: 'fail'; readonly passes: number }
  | { readonly code: 'vote-not-counted'; readonly claim: Hash }

/** What a batch made of a contributor's part in the answers of one adapter. */
export type ShareReason =
  | { readonly code: 'no-contributor' }
  | ({ readonly code: 'below-threshold' } & Clearance)
  | ({ readonly code: 'paid-as-contributor'; readonly wei: bigint } & Clearance)
  /** It would have been paid for the first time, and that was worth no place: its part is carried on with the adapter's. */
  | ({ readonly code: 'no-place'; readonly wei: bigint; readonly leastWei: bigint } & Clearance)

interface Clearance {
  /** Answers of the adapter in the batch. */
  readonly answers: number
  readonly rows: number
  /** How far the contributor's total stands above 0, in thousandths of a deviation of the noise; none without noise. */
  readonly strength: bigint | undefined
  /** How far it had to. */
  readonly strictness: number
}
