/**
 * What falls to a node while something stands before the judges on the L2. Rule numbers are those of ARCHITECTURE.md.
 * The contract's deadlines are of the chain's clock, so what must not come too early waits for the newest block's time.
 */
import type { Envelope } from '../protocol/envelope.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { LAST_CALL_MS, TURN_MS } from '../protocol/params.ts'
import type { Verdict } from '../protocol/vote.ts'
import type { PostedBatch } from './batches.ts'
import { demandsDue, hiddenBatches } from './demands.ts'
import type { Case, Drawn } from './disputes.ts'
import type { Duty } from './events.ts'
import { hasCome } from './horizon.ts'
import { type Kept, madeUp, transcriptIn } from './kept-claims.ts'
import { type Ledger, openBatch } from './ledger.ts'
import { placeAfter, turnPlace, turnWithin } from './turns.ts'

/** What this node knows of itself. */
export interface Judge {
  readonly self: Address
  /** What its owner lets it lose in calls of juries and in demands; nothing where it makes none. */
  readonly challengeBudgetWei: bigint
  /** What it found in cases that it was drawn for, by case. */
  readonly found: ReadonlyMap<number, Verdict>
}

const GWEI = 10n ** 9n

export function judgingDue(ledger: Ledger, judge: Judge, nowMs: number): Duty[] {
  const { disputes } = ledger
  return [
    ...demandsDue(ledger, judge.self, nowMs),
    ...callsDue(ledger, judge, nowMs),
    ...disputes.openCases.flatMap((opened) => caseDue(ledger, opened, judge, nowMs) ?? []),
    ...withdrawalsDue(ledger, judge.self),
    ...punishmentsDue(ledger, judge.self, nowMs),
  ]
}

/** A jury may be called over a claim, or over those who passed it and opened these. */
interface Doubt {
  readonly claim: Hash
  readonly kept: Kept
  readonly openings: readonly Envelope[]
  readonly batch: PostedBatch
}

/**
 * Doubts of a validator turn into calls and demands while their batches are open and its owner's money lasts. The last bond is
 * kept for a claim: a false one that becomes final costs others more than a pass that is paid unseen.
 */
function callsDue(ledger: Ledger, judge: Judge, nowMs: number): Duty[] {
  const { disputes, parameters } = ledger
  const [claims, passes] = [doubtedClaims(ledger, judge.self), doubtedPasses(ledger)]
  const hidden = hiddenBatches(ledger, judge.self, nowMs)
  if (claims.length + passes.length + hidden.length === 0) return []
  const bondWei = BigInt(parameters.at('challengeBondGwei', parameters.epochAt(nowMs))) * GWEI
  const bonds = Number(judge.challengeBudgetWei / bondWei) - disputes.bondsAtRisk(judge.self)
  const called = claims.slice(0, Math.max(0, bonds))
  const spare = Math.max(0, bonds - called.length - 1)
  const wanted = hidden.slice(0, spare)
  return [
    ...[...called, ...passes.slice(0, spare - wanted.length)].flatMap((doubt) =>
      callOver(ledger, doubt, bondWei, judge.self, nowMs),
    ),
    ...wanted.map(({ header, index }): Duty => {
      return { kind: 'demand', duty: `demand ${header.number} ${index}`, header, index, bondWei }
    }),
  ]
}

function callOver(
  ledger: Ledger,
  doubt: Doubt,
  bondWei: bigint,
  self: Address,
  nowMs: number,
): Duty[] {
  const { claim, kept, openings, batch } = doubt
  if (openings.length === 0 && !isCallersTurn(ledger, doubt, self, nowMs)) return []
  const { receipts } = batch.data!
  const index = receipts.findIndex((receipt) => receipt.claim === claim)
  const duty = openings.length === 0 ? `challenge ${claim}` : `challenge passes of ${claim}`
  return [{ kind: 'challenge', duty, header: kept.header, receipts, index, bondWei, openings }]
}

/** D3: claims that are settled as passed, and that this validator failed. */
function doubtedClaims(ledger: Ledger, self: Address): Doubt[] {
  return ledger.disputes.claims.doubted.flatMap(([claim, kept]): Doubt[] => {
    const batch = kept.failedBy.has(self) ? openBatch(ledger, kept.header) : undefined
    if (!batch?.data || ledger.disputes.isJudged(claim, kept.header)) return []
    return [{ claim, kept, openings: [], batch }]
  })
}

/** D14: answers that this validator has run, and that others were paid for passing who opened what no run shows. */
function doubtedPasses(ledger: Ledger): Doubt[] {
  return ledger.disputes.claims.unseen.flatMap(([claim, kept]): Doubt[] => {
    const batch = openBatch(ledger, kept.header)
    const openings = madeUp(kept)
    const transcript = transcriptIn(openings[0]!)
    if (!batch?.data || ledger.disputes.isJudged(claim, kept.header, transcript)) return []
    return [{ claim, kept, openings, batch }]
  })
}

/** One bond is enough: of several that failed the claim the next one waits for the one before. */
function isCallersTurn(
  ledger: Ledger,
  { claim, kept: { failedBy }, batch: { heardAtMs, finalAtMs } }: Doubt,
  self: Address,
  nowMs: number,
): boolean {
  const order = ledger.members
    .ranked('validator', 'challenge', claim)
    .filter(({ node }) => failedBy.has(node))
  const place = order.findIndex(({ node }) => node === self)
  const turnMs = turnWithin(heardAtMs, finalAtMs, order.length)
  return place >= 0 && hasCome(heardAtMs + place * turnMs, nowMs)
}

function caseDue(ledger: Ledger, opened: Case, judge: Judge, nowMs: number): Duty | undefined {
  const { drawn } = opened
  if (!drawn) return drawDue(ledger, opened, judge.self, nowMs)
  const headMs = ledger.head?.timestampMs ?? 0
  if (headMs > drawn.revealUntilMs) return decideDue(ledger, opened, drawn, judge.self)
  if (!drawn.jurors.includes(judge.self)) return undefined
  return headMs > drawn.commitUntilMs
    ? revealDue(opened, judge.self)
    : sittingDue(ledger, opened, drawn, judge, nowMs)
}

/** D4: the jurors are drawn as soon as the block is there that chooses them, by who called them or a validator in turn. */
function drawDue(
  ledger: Ledger,
  { number, claim, challenger, seedBlock, heardAtMs }: Case,
  self: Address,
  nowMs: number,
): Duty | undefined {
  const place = placeAfter(ledger, challenger, 'draw', claim, self)
  if (place < 0 || (ledger.head?.number ?? 0) <= seedBlock) return undefined
  return hasCome(heardAtMs + place * TURN_MS, nowMs)
    ? { kind: 'draw', duty: `draw ${number}`, number }
    : undefined
}

/**
 * D5: a juror runs the job again and commits to what it found. D6: where it has found nothing shortly before the time is
 * over, for want of the evidence or of time, it says just that: silence costs stake, and an empty seat helps nobody.
 */
function sittingDue(
  ledger: Ledger,
  { number, claim, transcript, committed }: Case,
  drawn: Drawn,
  { self, found }: Judge,
  nowMs: number,
): Duty | undefined {
  if (committed.has(self)) return undefined
  const verdict = found.get(number) ?? (isLastCall(drawn, nowMs) ? 'inconclusive' : undefined)
  if (verdict) return { kind: 'commit', duty: `commit ${number}`, number, claimId: claim, verdict }
  const work = ledger.disputes.claims.work(claim)
  if (!work || !ledger.head) return undefined
  return {
    kind: 'hear',
    duty: `hear ${number}`,
    number,
    ...work,
    claimId: claim,
    transcript,
    beacon: ledger.head.hash,
  }
}

function isLastCall({ heardAtMs, commitUntilMs }: Drawn, nowMs: number): boolean {
  const spare = Math.min(LAST_CALL_MS, Math.max(0, commitUntilMs - heardAtMs) / 4)
  return hasCome(commitUntilMs - spare, nowMs)
}

/** D7: what was committed to is revealed, once nobody can commit any more. */
function revealDue({ number, claim, committed, revealed }: Case, self: Address): Duty | undefined {
  if (!committed.has(self) || revealed.has(self)) return undefined
  return { kind: 'reveal', duty: `reveal ${number}`, number, claimId: claim }
}

/** D8: a case whose time is over is decided, by who called the jury or a validator in turn. */
function decideDue(
  ledger: Ledger,
  { number, claim, challenger, header }: Case,
  { revealUntilMs }: Drawn,
  self: Address,
): Duty | undefined {
  const place = placeAfter(ledger, challenger, 'decide', claim, self)
  const headMs = ledger.head?.timestampMs ?? 0
  if (place < 0 || headMs <= revealUntilMs + place * TURN_MS) return undefined
  return { kind: 'decide', duty: `decide ${number}`, number, header }
}

/** D9: what cases have left this node is taken home. */
function withdrawalsDue({ disputes }: Ledger, self: Address): Duty[] {
  return disputes.isOwed(self) ? [{ kind: 'withdraw', duty: 'withdraw' }] : []
}

/**
 * D12: who answers for a batch that was found false is reported by the validators in turn: who made and who passed the claim
 * that was proved false, by the statements that each of them has, or who endorsed what nobody shows. Which of these it was the
 * chain says; where a jury has said so, it has punished them itself.
 */
function punishmentsDue(ledger: Ledger, self: Address, nowMs: number): Duty[] {
  return [...ledger.disputes.condemned].flatMap(
    ([header, { txHash, claims, heardAtMs }]): Duty[] => {
      const place = turnPlace(ledger, 'punish', header, self)
      if (place < 0 || !hasCome(heardAtMs + place * TURN_MS, nowMs)) return []
      return [{ kind: 'punish', duty: `punish ${header}`, header, txHash, claims }]
    },
  )
}
