/**
 * What strangers' bytes may enter the ledger. The cheap questions come first and the signature last, so that a flood of
 * rubbish costs little. "Reject" is for what no honest node sends; "ignore" for what may be honest but is of no use now.
 * Rule numbers are those of ARCHITECTURE.md.
 */
import { type Envelope, open } from '../protocol/envelope.ts'
import type { Job } from '../protocol/job.ts'
import { authorOf, issuedAtMs, type Kind } from '../protocol/message.ts'
import {
  MAX_AGE_MS,
  MAX_AHEAD_MS,
  MAX_FACTS_PER_SIGNER,
  MAX_JOB_LIFETIME_MS,
} from '../protocol/params.ts'
import { recoverAddress } from '../protocol/signature.ts'
import { type Domain, digest } from '../protocol/struct.ts'
import { Voucher } from '../protocol/voucher.ts'
import { hasPlaceFor } from './crowding.ts'
import type { Judgement, JudgementReason, Via } from './events.ts'
import { type Contradiction, type Ledger, lastBatch, standing } from './ledger.ts'
import { isFunded } from './purse.ts'
import { isSettledAdapter } from './registrations.ts'

export interface Gate {
  /** The contract under whose name messages are signed. */
  readonly messages: Domain
  /** The contract under whose name vouchers are signed. */
  readonly vouchers: Domain
  /** Finds the signer of a digest; by default in full, which takes a millisecond. */
  readonly recover?: typeof recoverAddress
  /** Decodes an envelope; the simulator decodes each but once for all its nodes. */
  readonly open?: typeof open
}

export type Admission =
  | { readonly judgement: Judgement & { readonly verdict: 'accept' }; readonly envelope: Envelope }
  | {
      readonly judgement: Judgement
      readonly envelope?: undefined
      /** Two signed statements of one author that contradict each other. */
      readonly contradiction?: Contradiction
    }

export function admit(
  ledger: Ledger,
  gate: Gate,
  bytes: Uint8Array,
  via: Via,
  nowMs: number,
): Admission {
  const opened = (gate.open ?? open)(bytes, gate.messages)
  if (!opened.ok) return refuse('reject', opened.reason) // A1, A2
  const { envelope } = opened
  if (ledger.disputes.wants(envelope)) return checkEvidence(gate, envelope)
  return (
    checkTime(envelope, via, nowMs) ??
    checkAuthor(ledger, envelope) ??
    checkSlot(ledger, gate, envelope) ??
    checkUse(ledger, envelope, via, nowMs) ??
    checkVoucher(gate, envelope) ??
    checkSignature(gate, envelope) ?? {
      judgement: { verdict: 'accept', reason: 'admitted' },
      envelope,
    }
  )
}

/** A3: fresh where it comes from the mesh. What a neighbour hands over may be as old as a job may get. */
function checkTime({ message }: Envelope, via: Via, nowMs: number): Admission | undefined {
  const issued = issuedAtMs(message)
  if (issued === undefined) return undefined
  const oldest = via === 'gossip' || message.kind === 'beat' ? MAX_AGE_MS : 2 * MAX_JOB_LIFETIME_MS
  if (issued < nowMs - oldest) return refuse('ignore', 'too-old')
  if (issued > nowMs + MAX_AHEAD_MS) return refuse('ignore', 'from-the-future')
  if (message.kind !== 'job') return undefined
  const lifetime = message.body.deadlineMs - message.body.issuedAtMs
  if (lifetime < 0 || lifetime > MAX_JOB_LIFETIME_MS) return refuse('reject', 'malformed')
  return nowMs > message.body.deadlineMs ? refuse('ignore', 'too-old') : undefined
}

/** A4: registered, with the role that may say this. The chain may be a little behind, so it is no fault. */
function checkAuthor(ledger: Ledger, { message }: Envelope): Admission | undefined {
  const author = authorOf(message)
  if (message.kind === 'job') {
    return ledger.escrows.has(author) ? undefined : refuse('ignore', 'stranger')
  }
  const isOfRole = ledger.members.has(author, ROLE_OF[message.kind])
  return isOfRole ? undefined : refuse('ignore', 'stranger')
}

const ROLE_OF = {
  beat: 'worker',
  refusal: 'worker',
  claim: 'worker',
  vote: 'validator',
  opening: 'validator',
  proposal: 'validator',
  endorsement: 'validator',
} as const satisfies Record<Exclude<Kind, 'job'>, string>

/** A5: said already, or contradicting what its author said before. Beats may follow one another. */
function checkSlot(ledger: Ledger, gate: Gate, envelope: Envelope): Admission | undefined {
  const held = standing(ledger, envelope)
  if (!held) return undefined
  if (held.digest === envelope.digest) return refuse('ignore', 'seen')
  if (envelope.message.kind !== 'beat') {
    // The L2 slashes who signed two results for one job, or two verdicts on one claim.
    const { kind } = envelope.message
    const counts = kind === 'claim' || kind === 'vote'
    const judgement = { verdict: 'ignore', reason: 'contradicts' } as const
    if (!counts) return { judgement }
    return checkSignature(gate, envelope) ?? { judgement, contradiction: [held, envelope] }
  }
  const later = issuedAtMs(envelope.message)! > issuedAtMs(held.message)!
  return later ? undefined : refuse('ignore', 'seen')
}

/** A6: of use, and within what a node keeps. */
function checkUse(
  ledger: Ledger,
  { message, digest }: Envelope,
  via: Via,
  nowMs: number,
): Admission | undefined {
  const { kind, body } = message
  if (kind === 'job') {
    if (ledger.settled.has(digest)) return refuse('ignore', 'settled')
    if (via !== 'journal' && !mayGoOn(ledger, body)) return refuse('ignore', 'unknown-adapter')
    if (!isFunded(ledger, body)) return refuse('ignore', 'unfunded') // A7
    return hasPlaceFor(ledger, body) ? undefined : refuse('ignore', 'full')
  }
  if (kind === 'beat')
    return ledger.jobs.has(body.jobId) ? undefined : refuse('ignore', 'unknown-job')
  if (kind === 'proposal') {
    if (body.number <= lastBatch(ledger)) return refuse('ignore', 'settled')
    if (!ledger.parameters.takesBatchOf(body.epoch, nowMs)) return refuse('ignore', 'too-old')
    if (body.epoch > ledger.parameters.epochAt(nowMs + MAX_AHEAD_MS))
      return refuse('ignore', 'from-the-future')
  }
  if (kind === 'endorsement' && ledger.batches.numberOf(body.header) !== undefined)
    return refuse('ignore', 'settled')
  if (
    (kind === 'claim' || kind === 'vote' || kind === 'opening' || kind === 'refusal') &&
    ledger.settled.has(body.jobId)
  ) {
    return refuse('ignore', 'settled')
  }
  const said = ledger.said.get(authorOf(message)) ?? 0
  return said < MAX_FACTS_PER_SIGNER ? undefined : refuse('ignore', 'full')
}

/** A11: a fine-tune goes on from what validators have checked. */
function mayGoOn(ledger: Ledger, { task, adapter }: Job): boolean {
  return task !== 'fine-tune' || adapter === '' || isSettledAdapter(ledger, adapter)
}

/** A8: the voucher is signed by the requester. */
function checkVoucher(gate: Gate, { message }: Envelope): Admission | undefined {
  if (message.kind !== 'job') return undefined
  const { requester, voucherWei, voucherSignature } = message.body
  const voucher = { payer: requester, cumulativeWei: voucherWei }
  const recover = gate.recover ?? recoverAddress
  const signer = recover(digest(Voucher, voucher, gate.vouchers), voucherSignature)
  return signer === requester ? undefined : refuse('reject', 'bad-voucher')
}

/** A10: a job or claim before a jury is named by its digest on the L2, so its age and its author's standing do not matter. */
function checkEvidence(gate: Gate, envelope: Envelope): Admission {
  const judgement = { verdict: 'accept', reason: 'admitted' } as const
  return checkSignature(gate, envelope) ?? { judgement, envelope }
}

/** A9: signed by its author. */
function checkSignature(
  gate: Gate,
  { message, digest, signature }: Envelope,
): Admission | undefined {
  const recover = gate.recover ?? recoverAddress
  return recover(digest, signature) === authorOf(message)
    ? undefined
    : refuse('reject', 'bad-signature')
}

function refuse(verdict: 'ignore' | 'reject', reason: JudgementReason): Admission {
  return { judgement: { verdict, reason } }
}
