/** What a demo run came to: the JSON object of `--json`, and the table that a person sees at the end. */

import { formatOpen } from '../../protocol/open-amount.ts'
import { short, table } from '../cli/output.ts'
import { seconds } from '../cli/progress.ts'
import { bad, dim, good, strong } from './story.ts'

export interface VoteResult {
  readonly validator: string
  readonly verdict: string
  readonly reason: string
}

export interface AnswerResult {
  readonly prompt: string
  readonly text: string
  readonly tokens: number
  readonly jobId: string
  readonly worker: string
  readonly attribution: readonly {
    readonly contributor: string
    readonly name: string
    readonly share: number
    readonly score: number
  }[]
  readonly spans: readonly {
    readonly text: string
    readonly contributor: string
    readonly name: string
    readonly occurrences: number
  }[]
  readonly verdicts: readonly VoteResult[]
  readonly batch: number
  readonly txHash: string
  readonly receipt: string
}

export interface DemoResult {
  readonly processes: readonly {
    readonly name: string
    readonly role: string
    readonly node: string
    readonly pid: number
    readonly fate: string
  }[]
  readonly datanet: {
    readonly manifest: string
    readonly root: string
    readonly contributions: number
    readonly refused: number
    readonly bytes: number
    readonly shards: number
    readonly txHash: string
  }
  readonly fineTune: {
    readonly jobId: string
    readonly adapter: string
    readonly worker: string
    readonly steps: number
    readonly lossFirst: number
    readonly lossLast: number
    readonly heldOutLossBefore: number
    readonly heldOutLossAfter: number
    readonly verdicts: readonly VoteResult[]
    readonly batch: number
    readonly txHash: string
  }
  /** The first question, answered without the adapter. */
  readonly base: { readonly prompt: string; readonly text: string }
  readonly answers: readonly AnswerResult[]
  /** Claims that validators refused: who made them, and why. */
  readonly caught: readonly {
    readonly jobId: string
    readonly worker: string
    readonly verdicts: readonly VoteResult[]
  }[]
  readonly payouts: readonly {
    readonly account: string
    readonly name: string
    readonly wei: string
  }[]
  readonly claim: {
    readonly account: string
    readonly name: string
    readonly beforeWei: string
    readonly afterWei: string
    readonly txHash: string
  }
  readonly verified: boolean
  readonly durationMs: number
  readonly peakRssBytes: number
}

const SHOWN_CONTRIBUTORS = 3
const SHOWN_SPANS = 2
const SHOWN_PAYOUTS = 14

/** The last table. */
export function summary(result: DemoResult): string {
  const answers = result.answers.map(describeAnswer).join('\n\n')
  const paid = [...result.payouts]
    .sort((a, b) => (BigInt(a.wei) > BigInt(b.wei) ? -1 : 1))
    .slice(0, SHOWN_PAYOUTS)
    .map(({ name, account, wei }) => [name, dim(short(account)), `${formatOpen(BigInt(wei))} OPEN`])
  const rest = result.payouts.length - paid.length
  return [
    answers,
    '',
    table(paid, ['paid to', 'account', 'in all']),
    ...(rest > 0 ? [dim(`and ${rest} more`)] : []),
    '',
    `${seconds(result.durationMs)}, ${Math.round(result.peakRssBytes / 2 ** 20)} MiB at the most over ${result.processes.length} nodes and the chain`,
  ].join('\n')
}

function describeAnswer(answer: AnswerResult): string {
  const spans = answer.spans
    .slice(0, SHOWN_SPANS)
    .map(({ text, name }) => `“${oneLine(text)}” ${dim(`(${name})`)}`)
  return table([
    [dim('question'), strong(oneLine(answer.prompt))],
    [dim('answer'), clip(oneLine(answer.text), 90)],
    [dim('shaped by'), shares(answer) || dim('nobody in particular')],
    [dim('quotes'), spans.join(', ') || dim('nothing word for word')],
    [dim('verdicts'), verdicts(answer.verdicts)],
    [dim('settled'), `batch ${answer.batch}, transaction ${short(answer.txHash)}`],
  ])
}

/** The contributors that shaped an answer most. */
export function shares({ attribution }: Pick<AnswerResult, 'attribution'>): string {
  return attribution
    .slice(0, SHOWN_CONTRIBUTORS)
    .map(({ name, share }) => `${name} ${(100 * share).toFixed(0)} %`)
    .join(', ')
}

export function verdicts(votes: readonly VoteResult[]): string {
  return votes
    .map(({ verdict, reason }) =>
      verdict === 'pass' ? good('pass') : bad(`${verdict}: ${reason}`),
    )
    .join(', ')
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
