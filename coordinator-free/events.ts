/** All that goes in through the core's door and all that comes out. Effects are coarse: one order, one outcome back. */
import type { Attribution } from '../protocol/attribution.ts'
import type { BatchHeader, Charge, Proposal } from '../protocol/batch.ts'
import type { ChainFact, DisputeLog } from '../protocol/chain.ts'
import type { Claim } from '../protocol/claim.ts'
import type { Block } from '../protocol/document.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import type { Proof } from '../protocol/merkle.ts'
import type { Message } from '../protocol/message.ts'
import type { Seen } from '../protocol/opening.ts'
import type { Receipt } from '../protocol/receipt.ts'
import type { RefusalReason } from '../protocol/refusal.ts'
import type { BatchData } from '../protocol/settlement.ts'
import type { Verdict, Vote, VoteReason } from '../protocol/vote.ts'
import type { Signed } from './disputes.ts'
import type { Contradiction } from './ledger.ts'
import type { Reason } from './reason.ts'

/** How bytes came: fresh from the mesh, handed over by a neighbour, or out of our own journal. */
export type Via = 'gossip' | 'reconciliation' | 'journal'

/** Why bytes enter the ledger or do not: `admission.ts`. */
export type JudgementReason =
  | 'admitted'
  | 'too-large'
  | 'malformed'
  | 'too-old'
  | 'from-the-future'
  | 'stranger'
  | 'seen'
  | 'contradicts'
  | 'settled'
  | 'unknown-job'
  | 'unknown-adapter'
  | 'unfunded'
  | 'bad-voucher'
  | 'full'
  | 'bad-signature'

export interface Judgement {
  readonly verdict: 'accept' | 'ignore' | 'reject'
  readonly reason: JudgementReason
}

/** What a worker brings back: a claim less what the core adds. */
export type Result = Pick<Claim, 'output' | 'commitment' | 'attribution' | 'units' | 'graph'>

export type Event =
  | { readonly kind: 'submitted'; readonly job: Job }
  | { readonly kind: 'received'; readonly bytes: Uint8Array; readonly via: Via }
  | { readonly kind: 'chain'; readonly fact: ChainFact }
  | {
      readonly kind: 'progressed'
      readonly jobId: Hash
      readonly done: number
      readonly total: number
      readonly lossMicro: number
      /** The newest state that is stored, for whoever takes over; nothing where none is. */
      readonly state: Cid | ''
    }
  /** This node holds what another worker has stored of a job so far. */
  | { readonly kind: 'followed'; readonly jobId: Hash; readonly state: Cid }
  | { readonly kind: 'executed'; readonly jobId: Hash; readonly result: Result }
  /** The shell finds that this node cannot do a job that has fallen to it. */
  | { readonly kind: 'refused'; readonly jobId: Hash; readonly reason: RefusalReason }
  | {
      readonly kind: 'verified'
      readonly claim: Hash
      readonly verdict: Verdict
      readonly reason: VoteReason
      readonly checked: number
      readonly beaconBlock: number
      /** `NOTHING_SEEN` where the claim did not pass. */
      readonly seen: Seen
    }
  | { readonly kind: 'read'; readonly claim: Hash; readonly attribution: Attribution }
  | { readonly kind: 'batch-read'; readonly number: number; readonly data: BatchData }
  /** The batch's data lies where the reference says: now it can be proposed. */
  | { readonly kind: 'offered'; readonly proposal: Proposal }
  /** The L2 knows of a contradiction. */
  | { readonly kind: 'accused'; readonly slot: string }
  /** A jury would not see what this node has failed a claim for: it doubts it no longer. */
  | { readonly kind: 'relented'; readonly claim: Hash }
  /** Whoever answers for a batch that was found false has been reported. */
  | { readonly kind: 'punished'; readonly header: Hash }
  /** The data was found where a proposal says. */
  | { readonly kind: 'retrieved'; readonly header: Hash }
  /** What running a claim again, as a juror, has found. */
  | { readonly kind: 'heard'; readonly number: number; readonly verdict: Verdict }
  /** What cases had left this node is in its account. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'duty-done'; readonly duty: string }
  | { readonly kind: 'duty-failed'; readonly duty: string }
  | { readonly kind: 'asked'; readonly peer: string; readonly have: readonly Hash[] }
  | { readonly kind: 'tick' }

export type EventOf<K extends Event['kind']> = Extract<Event, { readonly kind: K }>

/** Whose audit failed, and the block that chose what it looked at. */
export type FailedAudit = Pick<Vote, 'validator' | 'beaconBlock'>

/** A duty is an effect whose end is reported back under its name; until then it is not ordered a second time. */
export type Duty =
  | {
      readonly kind: 'publish'
      readonly duty: string
      readonly message: Message
      /** Said to everyone, since those concerned seem not to have heard it. */
      readonly aloud?: true
    }
  | {
      readonly kind: 'execute'
      readonly duty: string
      readonly jobId: Hash
      readonly job: Job
      /** What other workers have stored of it, the furthest first. */
      readonly states: readonly Cid[]
    }
  /** Fetch what the worker of a job has stored, so that it is not lost with that worker. */
  | { readonly kind: 'follow'; readonly duty: string; readonly jobId: Hash; readonly state: Cid }
  | {
      readonly kind: 'verify'
      readonly duty: string
      readonly job: Job
      readonly claim: Claim
      readonly claimId: Hash
      /**
       * Chooses what is checked: the hash of a block mined after the claim had come. None where it is to look once more at
       * what it had looked at, by a block that the core does not hold any more.
       */
      readonly beacon: Hash | undefined
      readonly beaconBlock: number
      /** The audit that failed, where that one is repeated in the place of an own one. */
      readonly failed: FailedAudit | undefined
    }
  | {
      /** Fetch the answer behind a claim and read its attribution, checked against the claim's root. */
      readonly kind: 'read'
      readonly duty: string
      readonly claim: Claim
      readonly claimId: Hash
    }
  | {
      readonly kind: 'post'
      readonly duty: string
      readonly header: BatchHeader
      readonly endorsements: readonly SignedEndorsement[]
      readonly charges: readonly SignedCharge[]
    }
  /** Put the data of a batch to come where everybody finds it, and say where in the proposal. */
  | {
      readonly kind: 'offer'
      readonly duty: string
      readonly proposal: Proposal
      readonly data: BatchData
    }
  /** Look whether the data of a proposed batch lies where the proposal says. */
  | {
      readonly kind: 'retrieve'
      readonly duty: string
      readonly header: BatchHeader
      readonly headerHash: Hash
    }
  /** Make the next batches final, in their order. */
  | { readonly kind: 'finalise'; readonly duty: string; readonly headers: readonly BatchHeader[] }
  /** Show the L2 two statements of one author that contradict each other, which costs it part of its stake. */
  | {
      readonly kind: 'accuse'
      readonly duty: string
      readonly slot: string
      readonly said: Contradiction
    }
  /** Take the newest batch back: it, or one before it, is known to be false. */
  | {
      readonly kind: 'take-back'
      readonly duty: string
      readonly header: BatchHeader
      /** That of the batch before, where there is one. */
      readonly previous: BatchHeader | undefined
    }
  | {
      readonly kind: 'give-back'
      readonly duty: string
      readonly header: BatchHeader
      readonly charges: readonly SignedCharge[]
    }
  | { readonly kind: 'read-batch'; readonly duty: string; readonly header: BatchHeader }
  | {
      readonly kind: 'register'
      readonly duty: string
      readonly header: BatchHeader
      readonly receipt: Receipt
      readonly proof: Proof
    }

  /** Ask on the chain for a receipt of a batch whose data cannot be had. */
  | {
      readonly kind: 'demand'
      readonly duty: string
      readonly header: BatchHeader
      readonly index: number
      readonly bondWei: bigint
    }
  /** Show a receipt that was asked for on the chain. */
  | ({ readonly kind: 'show'; readonly duty: string } & InBatch)
  /** A receipt was not shown in time: its batch is false. */
  | {
      readonly kind: 'foreclose'
      readonly duty: string
      readonly header: BatchHeader
      readonly index: number
    }
  /**
   * Report who answers for a batch that was found false: who made and who passed the claim, if it is for one of these, or who
   * endorsed it, if nobody shows what stands in it.
   */
  | {
      readonly kind: 'punish'
      readonly duty: string
      /** Hash of the batch's header. */
      readonly header: Hash
      /** The transaction that posted it. */
      readonly txHash: Hash
      readonly claims: readonly Signed[]
    }
  /** Call a jury over the claim in a receipt, or over those who passed it. */
  | ({
      readonly kind: 'challenge'
      readonly duty: string
      readonly bondWei: bigint
      /** What the accused opened, one transcript; none where the claim itself is doubted. */
      readonly openings: readonly Envelope[]
    } & InBatch)
  /** Have the jurors of a case drawn. */
  | { readonly kind: 'draw'; readonly duty: string; readonly number: number }
  /** Run a claim again as a juror, as `verify` does for the vote. */
  | {
      readonly kind: 'hear'
      readonly duty: string
      readonly number: number
      readonly job: Job
      readonly claim: Claim
      readonly claimId: Hash
      /** What those opened who are accused of not having run the claim; `ZERO_HASH` where the claim itself is doubted. */
      readonly transcript: Hash
      readonly beacon: Hash
    }
  /** Seal a verdict. What was sealed once, in an earlier life too, stands. */
  | {
      readonly kind: 'commit'
      readonly duty: string
      readonly number: number
      readonly claimId: Hash
      readonly verdict: Verdict
    }
  /** Open the verdict that was sealed. */
  | {
      readonly kind: 'reveal'
      readonly duty: string
      readonly number: number
      readonly claimId: Hash
    }
  /** Have the verdicts of a case counted. */
  | {
      readonly kind: 'decide'
      readonly duty: string
      readonly number: number
      readonly header: BatchHeader
    }
  /** Take home what cases have left this node. */
  | { readonly kind: 'withdraw'; readonly duty: string }

/** A receipt by its place in a posted batch. */
export interface InBatch {
  readonly header: BatchHeader
  readonly receipts: readonly Receipt[]
  readonly index: number
}

export type Effect =
  | Duty
  | { readonly kind: 'judge'; readonly judgement: Judgement }
  /** Store the batch's data, so that whoever needs it finds it. */
  | { readonly kind: 'keep'; readonly block: Block }
  | { readonly kind: 'reconcile'; readonly have: readonly Hash[] }
  | { readonly kind: 'answer'; readonly peer: string; readonly envelopes: readonly Uint8Array[] }
  /** For people. */
  | { readonly kind: 'tell'; readonly news: News }

export interface SignedEndorsement {
  readonly validator: Address
  readonly signature: `0x${string}`
}

export interface SignedCharge extends Charge {
  readonly cumulativeWei: bigint
  readonly signature: `0x${string}`
}

/** What an onlooker would want to hear: an admitted message, or something that happened on the L2. */
export type News =
  | { readonly kind: 'message'; readonly envelope: Envelope }
  | { readonly kind: 'batch-posted'; readonly header: BatchHeader; readonly txHash: Hash }
  /** What a posted batch settles, as soon as this node knows it. */
  | {
      readonly kind: 'settled'
      readonly data: BatchData
      /** The transaction that posted it. */
      readonly txHash: Hash
      /** Why this node stood to each job as it did, receipt by receipt. */
      readonly why: readonly (readonly Reason[])[]
    }
  | { readonly kind: 'batch-final'; readonly number: number; readonly txHash: Hash }
  | { readonly kind: 'model-registered'; readonly adapter: Cid; readonly owner: Address }
  | DisputeLog
