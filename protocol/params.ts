/** Every limit and wait, with its unit and its reason. Later governance moves those that people may disagree on. */

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS

/** Bytes of a gossiped envelope. Payloads go by content id; a proposal that names `MAX_NAMED` claims and votes fits. */
export const MAX_ENVELOPE_BYTES = 64 * 1024

/** A gossiped message older than this is a replay: honest ones cross the network in well under a second. */
export const MAX_AGE_MS = MINUTE_MS
/** How far a clock may run ahead (OP Stack p2p rules allow the same). */
export const MAX_AHEAD_MS = 5 * SECOND_MS
/** A job may not stay open longer: it bounds what a node must remember to refuse a second payment. */
export const MAX_JOB_LIFETIME_MS = 60 * MINUTE_MS

/** Jobs that a node keeps open. The newest is refused when full, so accepted work is never forgotten. */
export const MAX_OPEN_JOBS = 4096
/** Messages about jobs or claims that have not arrived yet, kept a signer; the oldest go first. */
export const MAX_FACTS_PER_SIGNER = 2048
/** Contradictions that a node keeps to report: one an author. */
export const MAX_CONTRADICTIONS = 64
/** Batches found false of which a node keeps who signed what in them, to report it: each cost its proposer a bond. */
export const MAX_CONDEMNED = 16
/** Settled claims that a node keeps with their jobs and passes while they may be doubted: some 30 MB. */
export const MAX_KEPT_CLAIMS = 4096
/** Posted batches that a node keeps, and receipts, payouts and charges in them: some 100 MB. Older ones can be read again. */
export const MAX_KEPT_BATCHES = 1024
export const MAX_KEPT_ENTRIES = 131_072
/** Envelopes handed over in one reconciliation. */
export const MAX_RECONCILED = 256

/** A worker says it is still there this often while it works. */
export const BEAT_MS = 2 * SECOND_MS
/** A worker that has said nothing for this long has lost its turn: two beats missed, and a moment for the first. */
export const LEASE_MS = 6 * SECOND_MS
/** A worker whose beats show no progress for this long has stalled: room for fetching a model, none for pretending. */
export const STALL_MS = MINUTE_MS
/** No worker keeps its turn for more than this part of the job's lifetime, so that others can still finish it. */
export const TURN_SHARE = 1 / 3
/** A claim without a verdict after this long is left aside and the next worker tries. */
export const VERDICT_WAIT_MS = 2 * MINUTE_MS

/**
 * A claim that came out of turn, and was accepted, waits so long for the one in whose turn it came: auditors read an answer in
 * seconds, and repeat a part of a fine-tune in minutes.
 */
export const RIVAL_WAIT_MS = { inference: 30 * SECOND_MS, 'fine-tune': VERDICT_WAIT_MS } as const
/** Where that one was accepted as well, it is settled long before this, dear gas or not; else nodes would never agree. */
export const LOST_WAIT_MS = 5 * MINUTE_MS

/** Auditors drawn for a claim. */
export const AUDITORS = 3
/** Seated besides where auditors of a fine-tune disagree: each has seen another part of it, and these look at what failed. */
export const SECOND_LOOKS = 2
/** Each further wait of this length without a verdict seats one more auditor. */
export const SEAT_WAIT_MS = 90 * SECOND_MS
/** After a quorum, how long a batch waits for the votes that are still missing. */
export const LATE_VOTE_MS = 20 * SECOND_MS
/** After a quorum, how long auditors wait for the votes still missing before they tell what they saw. */
export const OPEN_WAIT_MS = LATE_VOTE_MS / 2
/** One in so many settled claims is run once more by somebody who did not audit it: a hundredth of the auditors' work. */
export const SPOT_CHECK_ONE_IN = 32

/** Receipts in a batch at the most. */
export const MAX_BATCH_RECEIPTS = 256
/** Claims and votes that a proposal names at the most, at 68 bytes each: 225 claims with three votes. */
export const MAX_NAMED = 900
/** A batch is due when its oldest claim has waited this long: each batch costs the same, however many are in it, */
export const BATCH_WAIT_MS = 4 * SECOND_MS
/** and each next validator proposes, or posts, when the one before it has let this much time pass. */
export const TURN_MS = 4 * SECOND_MS
/**
 * A batch whose post would cost more than this part of its fees, a fifth of what they pay its validators, waits for more of
 * them, or for cheaper gas,
 */
export const GAS_PARTS = 50n
/** but no longer than this: money that is late by some minutes harms nobody, and most spikes of the base fee are over. */
export const GAS_WAIT_MS = 3 * MINUTE_MS

/** A proposal that has no quorum after so long holds up no other: its data may be nowhere, or its claims disputed; */
export const UNENDORSED_MS = 5 * TURN_MS
/** nor does one that has a quorum and was not posted after so long: the wait for cheaper gas, and some outage of the L2. */
export const UNPOSTED_MS = 10 * MINUTE_MS
/** A validator that has not heard a quorum for what it endorsed so long ago says it again, to everyone. */
export const UNHEARD_MS = 3 * TURN_MS
/** Where the chain leaves less time for turns, they are shorter, but never shorter than a block. */
export const LEAST_TURN_MS = SECOND_MS
/** Data of a batch that cannot be had for half of its window is asked for on the chain, but never sooner: IPFS takes its time. */
export const LEAST_SEARCH_MS = 20 * SECOND_MS
/** This long before the time to commit is over, a juror who has found nothing says so; with less time, in its last quarter. */
export const LAST_CALL_MS = 20 * SECOND_MS

/** The contract takes batches of the epoch that runs and of so many before: it takes a while to agree on one. */
export const MAX_BATCH_AGE_EPOCHS = 2

/** Batches made final in one transaction at the most: about 30,000 gas each, far below what a block holds. */
export const MAX_FINALISED = 64

/** A failed duty is tried again after this long, doubled each time up to the second figure. */
export const RETRY_MS = SECOND_MS
export const MAX_RETRY_MS = 30 * SECOND_MS
/**
 * How often a node compares what it knows with a neighbour: twice as seldom each time it learns nothing by it, up to the
 * second figure, and as often as at first when it does.
 */
export const RECONCILE_MS = 3 * SECOND_MS
export const MAX_RECONCILE_MS = 12 * SECOND_MS

/** Votes, and stake under a batch, that make a quorum: two thirds. */
export const QUORUM_NUMERATOR = 2
export const QUORUM_DENOMINATOR = 3
