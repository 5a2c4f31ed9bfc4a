/** Governance as tables. */

import { formatOpen } from '../../protocol/open-amount.ts'
import { PARAMETERS } from '../../protocol/parameters.ts'
import type { ParameterView, ProposalView, Voter } from '../chain/governance-views.ts'
import { span } from './durations.ts'
import { table } from './output.ts'

const OPEN_GWEI = 1_000_000_000
/** Of 77 digits, enough to tell proposals apart. */
const ID_DIGITS = 10

/** What it takes to say when an epoch begins. */
export interface EpochClock {
  readonly epochSeconds: number
  readonly nowMs: number
}

export function parametersTable(views: readonly ParameterView[], clock: EpochClock): string {
  const rows = views.map(({ param, value, announced }) => {
    const { min, max, step, unit } = PARAMETERS[param]
    const coming = announced.map((change) => announcement(change, clock)).join(', ')
    return [param, `${value}`, coming, `${min}`, `${max}`, `${step}`, unitOf(value, unit)]
  })
  return table(rows, ['parameter', 'now', 'announced', 'least', 'most', 'step', 'unit'])
}

/** One parameter, with what it is for. */
export function parameterTable(view: ParameterView, clock: EpochClock): string {
  const { min, max, step, unit, meaning } = PARAMETERS[view.param]
  const announced = view.announced.map((change) => announcement(change, clock))
  return table([
    ['parameter', view.param],
    ['for', meaning],
    ['now', `${view.value} ${unitOf(view.value, unit)}`],
    ['announced', announced.length > 0 ? announced.join(', ') : 'nothing'],
    ['bounds', `${min} to ${max}, and by ${step} from one epoch to the next`],
  ])
}

export function voterTable({ account, openWei, gOpenWei, delegate, votesWei }: Voter): string {
  const votes =
    BigInt(delegate) === 0n
      ? 'not delegated, so they do not count: tributary gov delegate'
      : delegate === account
        ? 'votes itself'
        : `votes through ${delegate}`
  return table([
    ['account', account],
    ['OPEN', formatOpen(openWei)],
    ['GOPEN', `${formatOpen(gOpenWei)}${gOpenWei > 0n ? `, ${votes}` : ''}`],
    ['votes', formatOpen(votesWei)],
  ])
}

export function proposalsTable(views: readonly ProposalView[], nowMs: number): string {
  const rows = views.map((view) => [
    String(view.id).slice(0, ID_DIGITS),
    view.state,
    changesOf(view),
    formatOpen(view.forWei, 2),
    formatOpen(view.againstWei, 2),
    formatOpen(view.abstainWei, 2),
    view.quorumWei === undefined ? '?' : formatOpen(view.quorumWei, 2),
    nextOf(view, nowMs),
    shortened(view.because),
  ])
  const votes = ['for', 'against', 'abstain', 'quorum']
  return table(rows, ['proposal', 'state', 'changes', ...votes, 'next', 'because'])
}

/** What comes next, and when. */
export function nextOf(
  { state, votesFromMs, votesUntilMs, dueAtMs }: ProposalView,
  nowMs: number,
): string {
  switch (state) {
    case 'pending':
      return `votes ${inTime(votesFromMs + 1000, nowMs)}`
    case 'active':
      return `vote ends ${inTime(votesUntilMs + 1000, nowMs)}`
    case 'succeeded':
      return 'queue it'
    case 'queued':
      return dueAtMs > nowMs ? `execute it ${inTime(dueAtMs, nowMs)}` : 'execute it'
    default:
      return ''
  }
}

function announcement({ fromEpoch, value }: ParameterView['announced'][number], clock: EpochClock) {
  const { epochSeconds, nowMs } = clock
  return `${value} from epoch ${fromEpoch} (${inTime(fromEpoch * epochSeconds * 1000, nowMs)})`
}

function changesOf({ changes }: ProposalView): string {
  if (changes.length === 0) return 'other than parameters'
  return changes.map(({ param, value }) => `${param}=${value}`).join(' ')
}

function unitOf(value: number, unit: string): string {
  return unit === 'gwei' ? `gwei (${value / OPEN_GWEI} OPEN)` : unit
}

function inTime(atMs: number, nowMs: number): string {
  const seconds = Math.ceil((atMs - nowMs) / 1000)
  return seconds <= 0 ? 'now' : `in ${span(seconds)}`
}

/** Strangers write it: one line of what a terminal prints as it is. */
function shortened(text: string): string {
  const line = text.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ').trim()
  return line.length > 48 ? `${line.slice(0, 47)}…` : line
}
