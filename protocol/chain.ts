/** What the L2 says, as the core hears it: the logs of our contracts and the head of the chain. */
import type { BatchHeader } from './batch.ts'
import type { Address, Cid } from './fields.ts'
import type { Hash } from './hash.ts'
import type { CaseOutcome } from './jury.ts'
import type { ParameterName } from './parameters.ts'
import type { Verdict } from './vote.ts'

export const ROLES = ['worker', 'validator', 'gateway'] as const
export type Role = (typeof ROLES)[number]

/** In `StakeVault` the roles of a node are a bit mask. */
export const ROLE_BITS: Readonly<Record<Role, number>> = { worker: 1, validator: 2, gateway: 4 }

export type ChainFact = HeadBlock | ChainLog

/** What happens before Disputes and Jury. */
export type DisputeLog = Extract<ChainLog, { readonly kind: (typeof DISPUTE_KINDS)[number] }>

export const DISPUTE_KINDS = [
  'demanded',
  'shown',
  'withheld',
  'case-opened',
  'jurors-drawn',
  'verdict-committed',
  'verdict-revealed',
  'case-decided',
] as const

/** The newest block. Its hash is the beacon: nobody knew it before. */
export interface HeadBlock {
  readonly kind: 'block'
  readonly number: number
  readonly hash: Hash
  readonly timestampMs: number
  /** What it asked for a unit of gas; left out where the chain does not tell. */
  readonly baseFeeWei?: bigint
  /** What its chain asked besides for a byte of data, which it posts to its L1; left out where it asks nothing. */
  readonly byteFeeWei?: bigint
}

/** A log of one of our contracts. */
export type ChainLog = { readonly blockNumber: number } & (
  | {
      readonly kind: 'staked'
      readonly node: Address
      readonly owner: Address
      readonly roles: readonly Role[]
      readonly stakeWei: bigint
    }
  | { readonly kind: 'exiting'; readonly node: Address }
  | {
      readonly kind: 'escrowed'
      readonly payer: Address
      readonly balanceWei: bigint
      /** The part of the balance that the payer has asked back: it pays for jobs only until it is gone. */
      readonly leavingWei: bigint
      /** All that was ever taken from this payer. */
      readonly redeemedWei: bigint
      /**
       * The highest cumulative amount among the vouchers that FeeEscrow has accepted: it remembers it, so that jobs may
       * settle in another order than they were signed in. `redeem` checks the signature only of a voucher above this,
       * and then requires redeemed + amount <= authorised.
       */
      readonly authorisedWei: bigint
    }
  /** A batch has collected from a payer: what it had taken in all before, and what vouchers allow, have grown. */
  | {
      readonly kind: 'redeemed'
      readonly payer: Address
      readonly redeemedWei: bigint
      readonly authorisedWei: bigint
    }
  | {
      readonly kind: 'datanet-published'
      readonly datanetId: number
      readonly version: number
      readonly root: Hash
      readonly count: number
      readonly manifest: Cid
      readonly operator: Address
    }
  | {
      readonly kind: 'model-registered'
      readonly adapter: Cid
      readonly base: Cid
      readonly owner: Address
      readonly jobId: Hash
    }
  | {
      readonly kind: 'batch-posted'
      readonly header: BatchHeader
      readonly finalAtMs: number
      readonly txHash: Hash
    }
  | { readonly kind: 'batch-final'; readonly number: number; readonly txHash: Hash }
  | {
      readonly kind: 'param-set'
      readonly param: ParameterName
      readonly value: number
      /** The first epoch in which it counts. */
      readonly fromEpoch: number
    }
  /** The batch was shown to be false: it and all behind it are to be taken back. */
  | { readonly kind: 'batch-faulted'; readonly number: number }
  /** The newest batch was taken back: its number is free again. */
  | { readonly kind: 'batch-voided'; readonly number: number; readonly headerHash: Hash }
  /** Payers were given back what a batch that was taken back had collected. */
  | { readonly kind: 'charges-returned'; readonly headerHash: Hash }
  | {
      readonly kind: 'claimed'
      readonly account: Address
      readonly amountWei: bigint
      readonly txHash: Hash
    }
  | {
      readonly kind: 'param-set'
      readonly param: ParameterName
      readonly value: number
      /** The first epoch in which it counts. */
      readonly fromEpoch: number
    }
  /** Somebody asks on the chain for a receipt of an open batch; until then it may be shown. */
  | {
      readonly kind: 'demanded'
      readonly batch: number
      readonly index: number
      readonly asker: Address
      readonly untilMs: number
    }
  | { readonly kind: 'shown'; readonly batch: number; readonly index: number }
  /** It was not shown in time. */
  | { readonly kind: 'withheld'; readonly batch: number; readonly index: number }
  /** A jury is called over a claim that stands in an open batch, or over those who passed it without running it. */
  | {
      readonly kind: 'case-opened'
      readonly number: number
      readonly batch: number
      readonly claim: Hash
      /** What the accused opened, who are said to have made it up; `ZERO_HASH` where the claim itself is doubted. */
      readonly transcript: Hash
      readonly challenger: Address
      /** The block whose hash draws the jurors. */
      readonly seedBlock: number
    }
  | {
      readonly kind: 'jurors-drawn'
      readonly number: number
      /** By seat: one with much stake may hold several. */
      readonly jurors: readonly Address[]
      readonly commitUntilMs: number
      readonly revealUntilMs: number
    }
  | { readonly kind: 'verdict-committed'; readonly number: number; readonly juror: Address }
  | {
      readonly kind: 'verdict-revealed'
      readonly number: number
      readonly juror: Address
      readonly verdict: Verdict
    }
  | {
      readonly kind: 'case-decided'
      readonly number: number
      readonly outcome: CaseOutcome
      /** Seats. */
      readonly passes: number
      readonly fails: number
    }
)
