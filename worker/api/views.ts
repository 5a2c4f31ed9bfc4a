/** Jobs, batches and nodes as JSON for people and programs. Money is a decimal string of wei. */
import { acceptedClaim, refusedByAll, turnOf } from '../../coordinator-free/assignment.ts'
import type { Ledger } from '../../coordinator-free/ledger.ts'
import { Answer, PARTS_OF_NAT } from '../../protocol/answer.ts'
import { scoreOf } from '../../protocol/attribution.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { MessageOf } from '../../protocol/message.ts'
import { VERDICT_WAIT_MS } from '../../protocol/params.ts'
import type { RefusalReason } from '../../protocol/refusal.ts'
import type { Verdict, VoteReason } from '../../protocol/vote.ts'
import type { ContentStore } from '../storage/content.ts'
import type { ClaimRecord, JobRecord } from './records.ts'

/** A job has lapsed when its time is over and no claim on it was accepted: nothing comes of it any more. */
export type JobState = 'open' | 'claimed' | 'accepted' | 'settled' | 'final' | 'lapsed'

export interface VoteView {
  readonly validator: Address
  readonly verdict: Verdict
  readonly reason: VoteReason
  readonly checked: number
}

export interface ClaimView {
  readonly claimId: Hash
  readonly worker: Address
  readonly output: Cid
  readonly units: number
  readonly votes: readonly VoteView[]
}

export interface JobView {
  readonly jobId: Hash
  readonly task: 'inference' | 'fine-tune'
  readonly state: JobState
  readonly requester: Address
  readonly model: Cid
  readonly adapter: string
  /** Whose turn it is, while there is no accepted claim. */
  readonly turn?: { readonly worker: Address; readonly attempt: number }
  /** Why every worker has refused it, where all have. */
  readonly refused?: readonly RefusalReason[]
  readonly progress?: { readonly done: number; readonly total: number; readonly loss: number }
  readonly claims: readonly ClaimView[]
  /** The claim that counts. */
  readonly accepted?: ClaimView
  readonly batch?: { readonly number: number; readonly index: number; readonly txHash: Hash }
}

export function viewJob(ledger: Ledger, record: JobRecord, nowMs: number): JobView {
  const { jobId, job, beat } = record
  const settled = record.settled && isStanding(ledger, record.settled) ? record.settled : undefined
  const claims = [...record.claims].map(([claimId, claim]) => viewClaim(claimId, claim))
  const turn = turnOf(ledger, jobId, nowMs)
  const claimId =
    settled?.claim ?? acceptedClaim(ledger, jobId, nowMs)?.claim.envelope.digest ?? undefined
  const accepted = claims.find((claim) => claim.claimId === claimId)
  const isFinal = settled && isBatchFinal(ledger, settled.batch)
  const isLapsed = !settled && !accepted && nowMs > job.deadlineMs + VERDICT_WAIT_MS
  const refused = refusedByAll(ledger, jobId)
  return {
    jobId,
    task: job.task,
    state: isLapsed ? 'lapsed' : stateOf(isFinal, settled !== undefined, accepted, claims.length),
    requester: job.requester,
    model: job.model,
    adapter: job.adapter,
    ...(turn && { turn: { worker: turn.worker.node, attempt: turn.attempt } }),
    ...(refused && { refused }),
    ...(beat && { progress: { done: beat.done, total: beat.total, loss: beat.lossMicro / 1e6 } }),
    claims,
    ...(accepted && { accepted }),
    ...(settled && {
      batch: { number: settled.batch, index: settled.index, txHash: settled.txHash },
    }),
  }
}

/** Not where the batch was taken back, and another that does not settle the job has its number. */
function isStanding({ batches }: Ledger, settled: NonNullable<JobRecord['settled']>): boolean {
  const data = batches.get(settled.batch)?.data
  return data === undefined || data.receipts[settled.index]?.claim === settled.claim
}

/** The ledger lets go of old batches, all of them final; one that is newer than all was taken back. */
function isBatchFinal({ batches }: Ledger, number: number): boolean {
  return batches.get(number)?.final ?? number < batches.last
}

export type AnswerView = Awaited<ReturnType<typeof viewAnswer>>

/** The answer behind a claim, with what shaped it; log-probabilities in nats. */
export async function viewAnswer(
  content: ContentStore,
  output: Cid,
  decode: (tokens: readonly number[]) => string,
  signal: AbortSignal,
) {
  const answer = await content.get(Answer, output, { signal })
  const scored = answer.attribution.shares.map((share) => ({ ...share, score: scoreOf(share) }))
  const positive = scored.filter(({ score }) => score > 0)
  const total = positive.reduce((sum, { score }) => sum + score, 0)
  return {
    text: answer.text,
    tokens: answer.tokens.length,
    stop: answer.stop,
    attribution: [...positive]
      .sort((a, b) => b.score - a.score)
      .map(({ contributor, score, rows }) => ({ contributor, score, rows, share: score / total })),
    spans: answer.spans.map((span) => {
      return { ...span, text: decode(answer.tokens.slice(span.start, span.end)) }
    }),
    logProbabilities: answer.logProbabilities.map(({ logProbability, likeliest }, place) => ({
      text: decode([answer.tokens[place]!]),
      logProbability: logProbability / PARTS_OF_NAT,
      likeliest: likeliest.map((one) => {
        return { text: decode([one.token]), logProbability: one.logProbability / PARTS_OF_NAT }
      }),
    })),
  }
}

function viewClaim(claimId: Hash, { claim, votes }: ClaimRecord): ClaimView {
  const { worker, output, units } = claim
  const cast = [...votes.values()].map(({ message }) => {
    const { validator, verdict, reason, checked } = (message as MessageOf<'vote'>).body
    return { validator, verdict, reason, checked }
  })
  return { claimId, worker, output, units, votes: cast }
}

function stateOf(
  final: boolean | undefined,
  settled: boolean,
  accepted: ClaimView | undefined,
  claims: number,
): JobState {
  if (final) return 'final'
  if (settled) return 'settled'
  if (accepted) return 'accepted'
  return claims > 0 ? 'claimed' : 'open'
}
