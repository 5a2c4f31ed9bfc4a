/** Reasons in words: one sentence each, with the facts that prove it. */

import { formatOpen } from '../protocol/open-amount.ts'
import type { RefusalReason } from '../protocol/refusal.ts'
import type { TurnEnd } from './assignment.ts'
import { MAX_NEWCOMERS } from './newcomers.ts'
import type { Reason, ShareReason } from './reason.ts'

type ReasonOf<C extends Reason['code']> = Extract<Reason, { code: C }>
type Words = { readonly [C in Reason['code']]: (reason: ReasonOf<C>, nowMs: number) => string }

const ENDS: Readonly<Record<TurnEnd, string>> = {
  refused: 'it refused',
  silent: 'nothing was heard of it for longer than a lease',
  stalled: 'its beats showed no progress',
  'too-long': "it took more than its part of the job's lifetime",
  rejected: 'its claim was voted down',
  unproven: 'too few of those who passed its claim could show that they had looked',
  contradicted: 'it signed another claim as well',
  'no-verdict': 'its claim waited too long for a verdict',
}

export const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  price: 'it pays less for a unit than the worker asks',
  unpaid: 'the escrow or the vouchers of its payer do not cover all that it has ordered',
  busy: 'the worker has as many jobs in hand as it takes',
  model: 'the worker cannot run the model',
  memory: 'it needs more memory than the worker has',
  slow: 'at the speed of the worker it would not be done before the turn is over',
  order: 'it cannot be done as it is ordered',
}

const WORDS: Words = {
  'no-worker': () => 'It did not execute the job: it has no stake as a worker.',
  'seed-block-ahead': ({ seedBlock, head }) =>
    `Nobody executes the job yet: it is seeded by block ${seedBlock}, and the chain is at ${head}.`,
  'deadline-passed': ({ deadlineMs }) =>
    `It did not execute the job: the deadline was ${time(deadlineMs)}.`,
  'has-turn': ({ sinceMs, ...at }, nowMs) =>
    `It executes the job: it has had the turn for ${seconds(nowMs - sinceMs)}, as ${place(at)}.`,
  'waits-for-turn': ({ behind, ...at }) =>
    `It waits for its turn as ${place(at)}; ${behind} has the turn.`,
  'turn-never-came': ({ accepted, ...at }) =>
    `It did not execute the job: the claim of ${accepted} was accepted before its turn came, as ${place(at)}.`,
  'turn-lost': ({ end, sinceMs, endMs, ...at }) =>
    `It had the turn, as ${place(at)}, and lost it after ${seconds(endMs - sinceMs)}: ${ENDS[end]}.`,
  refused: ({ why, ...at }) => `It refused the job, as ${place(at)}: ${REFUSALS[why]}.`,
  claimed: ({ claim, ...at }) => `It executed the job, as ${place(at)}: claim ${claim}.`,
  'refused-by-all': ({ whys }) =>
    `No worker takes the job: ${whys.map((why) => REFUSALS[why]).join('; ')}.`,
  'no-validator': ({ claim }) => `It did not audit claim ${claim}: it has no stake as a validator.`,
  'own-claim': ({ claim, worker }) =>
    `It did not audit claim ${claim}: it has the same owner as the worker, ${worker}.`,
  'not-seated': ({ claim, seats, ...at }) =>
    `It did not audit claim ${claim}: it was drawn as ${place(at)}, and ${seats} had a seat.`,
  'vote-due': ({ claim, ...at }) =>
    `It has a seat for claim ${claim}, as ${place(at)}, and has not voted.`,
  voted: ({ claim, verdict, why, checked }) =>
    `It audited claim ${claim}: ${verdict}${why === 'none' ? '' : ` (${why})`}, ${checked} pieces computed again.`,
  'claim-rejected': ({ fails }) =>
    `It is not paid for its claim: ${fails.length} auditors failed it (${[...new Set(fails)].join(', ')}).`,
  'no-verdict-yet': ({ votes }) =>
    `It is not paid for its claim yet: ${votes} votes, no two thirds.`,
  'not-covered': ({ payer, missingWei }) =>
    `The job is in no batch: the escrow of ${payer} lacks ${formatOpen(missingWei)} OPEN.`,
  'gas-too-dear': ({ costWei, feesWei, untilMs }) =>
    `The job waits for cheaper gas or for more to settle with, until ${time(untilMs)} at the latest: to post its batch would cost ${formatOpen(costWei)} OPEN, for ${formatOpen(feesWei)} OPEN in fees.`,
  settled: ({ batch, worker }) =>
    `The job is settled in batch ${batch}, by the claim of ${worker}.`,
  'paid-as-worker': ({ wei, units }) =>
    `It earned ${formatOpen(wei)} OPEN for ${units} units of work.`,
  'paid-as-validator': ({ wei, among }) =>
    `It earned ${formatOpen(wei)} OPEN for its vote, one of ${among} that passed the claim.`,
  'paid-as-model-owner': ({ wei }) =>
    `Its owner earned ${formatOpen(wei)} OPEN as the owner of the adapter.`,
  outvoted: ({ passes }) =>
    `It earned nothing for its vote: it failed a claim that ${passes} passed.`,
  'vote-not-counted': () =>
    'It earned nothing for its vote: the batch was made before it was heard or opened, or it saw something else than the others.',
}

export function reasonInWords(reason: Reason, nowMs: number): string {
  return (WORDS[reason.code] as (reason: Reason, nowMs: number) => string)(reason, nowMs)
}

/** @param account Whose part it is about */
export function shareInWords(reason: ShareReason, account: string): string {
  if (reason.code === 'no-contributor') {
    return `${account} has no data behind the adapter, so nothing of it could shape the answer.`
  }
  const { answers, rows, strength, strictness } = reason
  const stands = strength === undefined ? 'beyond all noise' : `${deviations(strength)} deviations`
  const proof = `over ${answers} answers its ${rows} rows stand at ${stands}, the threshold at ${deviations(BigInt(strictness))}`
  switch (reason.code) {
    case 'below-threshold':
      return `${account} was not paid as a contributor: ${proof}.`
    case 'no-place':
      return `${account} would have earned ${formatOpen(reason.wei)} OPEN as a contributor: ${proof}. Who was never paid gets a place in a batch with ${formatOpen(reason.leastWei)} OPEN or more, the ${MAX_NEWCOMERS} with the most first; its part stays with the adapter for the next answers.`
    case 'paid-as-contributor':
      return `${account} earned ${formatOpen(reason.wei)} OPEN as a contributor: ${proof}.`
  }
}

function place({ place: at, of }: { readonly place: number; readonly of: number }): string {
  return `number ${at} of ${of} by stake and lot`
}

/** Thousandths, as a decimal. */
function deviations(thousandths: bigint): string {
  return (Number(thousandths) / 1000).toFixed(2)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
