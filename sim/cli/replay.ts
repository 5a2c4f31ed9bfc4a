/** `npm run sim -- replay`: what was written down is done again: a recording of a real node, or a kept scenario of `dst`. */
import type { Event } from '../../coordinator-free/events.ts'
import type { Reason } from '../../coordinator-free/reason.ts'
import { reasonInWords } from '../../coordinator-free/reason-words.ts'
import type { RecordedLine } from '../../coordinator-free/recording.ts'
import { type Difference, Rerun, type Told } from '../rerun.ts'
import { replayScenario } from './dst.ts'
import { duration } from './progress.ts'
import { isRecording, readRecording } from './recording-file.ts'
import { argumentsOf, Refusal } from './refusal.ts'

const USAGE = `Replays what was written down, and says whether it comes out as it did.

  replay RECORDING [--job ID] [--trace] [--json]
    what a node started with --record FILE has done; gzipped too
    --job ID         at the end: why the node stood to this job as it did; the first digits are enough
    --trace          a line for each event that had effects
    --json           the outcome as JSON on standard output
  replay SCENARIO [--trace]
    what dst has kept of a failing seed
    --trace          a line for each effect of each node`

const SAY_EVERY_MS = 10_000

/** @returns the exit code: 0 as it was, 1 otherwise. Throws `Refusal` */
export function replay(args: string[]): number {
  const { values, positionals } = argumentsOf('replay --help', {
    args,
    options: {
      job: { type: 'string' },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  if (values.help) return say(USAGE, 0)
  const [file] = positionals
  if (file === undefined || positionals.length > 1) {
    throw new Refusal(`${positionals.length} files are given; give one, as replay --help says`)
  }
  if (isRecording(file)) return replayRecording(file, values)
  if (values.job === undefined && !values.json) return replayScenario(file, values.trace)
  throw new Refusal(`${file} is no recording, and --job and --json are for recordings`)
}

interface Options {
  readonly job?: string | undefined
  readonly trace: boolean
  readonly json: boolean
}

interface Outcome extends Told {
  readonly equal: boolean
  readonly isCut: boolean
  readonly cpuSeconds: number
  readonly difference?: Difference
  readonly jobs?: readonly JobReasons[]
}

function replayRecording(file: string, options: Options): number {
  const { job } = options
  if (job !== undefined && !/^0x[0-9a-f]{1,64}$/.test(job)) {
    throw new Refusal(
      `--job ${job} is no id of a job, nor the begin of one; give 0x and some digits`,
    )
  }
  const rerun = new Rerun()
  const began = process.cpuUsage()
  const recorded = readRecording(file)
  const difference = play(recorded.lines, rerun, options.trace)
  const { user, system } = process.cpuUsage(began)
  const outcome: Outcome = {
    equal: !difference,
    ...rerun.told,
    isCut: recorded.isCut(),
    cpuSeconds: (user + system) / 1e6,
    ...(difference && { difference }),
    ...(job !== undefined && { jobs: reasonsOf(rerun, job) }),
  }
  print(options.json ? inJson(outcome) : inText(outcome, job))
  return difference ? 1 : 0
}

function play(
  lines: ReturnType<typeof readRecording>['lines'],
  rerun: Rerun,
  trace: boolean,
): Difference | undefined {
  let saidMs = performance.now()
  for (const { line, number } of lines) {
    const difference = rerun.feed(line, number)
    if (trace) traceLine(line, number)
    if (difference) return difference
    if (performance.now() < saidMs + SAY_EVERY_MS) continue
    saidMs = performance.now()
    const { events, seconds } = rerun.told
    say(`${events} events over ${duration(seconds)}, all equal so far`, 0)
  }
  return undefined
}

function traceLine(line: RecordedLine, number: number): void {
  const at = `${number} ${new Date(line.atMs).toISOString()}`
  if (line.kind !== 'event') print(`${at} ${line.kind}`)
  else if (line.did) print(`${at} ${eventInWords(line.event)} → ${line.did}`)
}

interface JobReasons {
  readonly jobId: string
  readonly settled: boolean
  readonly reasons: readonly { readonly code: string; readonly says: string }[]
}

/** Jobs whose ids begin so, with the reasons that the node had. */
function reasonsOf(rerun: Rerun, prefix: string): JobReasons[] {
  const { atMs } = rerun
  const said = (reason: Reason) => ({ ...reason, says: reasonInWords(reason, atMs) })
  return rerun.jobsLike(prefix).map((jobId) => {
    const { settled, reasons } = rerun.why(jobId)
    return { jobId, settled, reasons: reasons.map(said) }
  })
}

function inText(outcome: Outcome, job: string | undefined): string {
  const { self, roles, events, seconds, hash, difference, cpuSeconds } = outcome
  const lines = [`${self} (${roles.join(', ')}): ${events} events over ${duration(seconds)}`]
  if (difference) lines.push(...differenceInWords(difference))
  else lines.push(`all effects equal, ${hash}`)
  lines.push(
    `${cpuSeconds.toFixed(2)} s of CPU time: ${Math.round(seconds / cpuSeconds)} × real time`,
    ...historyInWords(outcome),
    ...countsInWords(outcome),
  )
  if (job !== undefined) lines.push(...jobsInWords(outcome.jobs ?? [], job))
  return lines.join('\n')
}

function differenceInWords({ line, atMs, event, recorded, now }: Difference): string[] {
  const outcome = ({ did, digest }: Difference['now']) =>
    digest === '' ? 'nothing' : `${did} (${digest})`
  return [
    `line ${line}, ${new Date(atMs).toISOString()}: the core does otherwise than was recorded`,
    `  event     ${eventInWords(event)}`,
    `  recorded  ${outcome(recorded)}`,
    `  now       ${outcome(now)}`,
    '  The file was changed, or the rules were since; what comes after it means nothing.',
  ]
}

function historyInWords({ starts, rebuilds, isFull, isCut }: Outcome): string[] {
  const said: string[] = []
  if (starts > 1) said.push(`the node was started ${starts} times`)
  if (rebuilds > 0) said.push(`blocks were taken back, and the core built anew, ${rebuilds} times`)
  if (isFull) said.push('the file was full: the node went on unrecorded')
  if (isCut) said.push('the last line is cut off and left out: the node was killed')
  return said
}

function countsInWords({ byEvent, byEffect, byJudgement }: Outcome): string[] {
  const counted = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .sort(([, one], [, other]) => other - one)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ') || 'none'
  return [
    `events      ${counted(byEvent)}`,
    `effects     ${counted(byEffect)}`,
    `judgements  ${counted(byJudgement)}`,
  ]
}

function jobsInWords(jobs: readonly JobReasons[], asked: string): string[] {
  if (jobs.length === 0) return [`no job of the recording begins with ${asked}`]
  return jobs.flatMap(({ jobId, settled, reasons }) => [
    `job ${jobId}, ${settled ? 'when it was settled' : 'at the end of the recording'}:`,
    ...reasons.map(({ says }) => `  ${says}`),
  ])
}

/** `received gossip, 412 bytes`, `chain staked`, `duty-failed execute 0x…`. */
function eventInWords(event: Event): string {
  switch (event.kind) {
    case 'received':
      return `received by ${event.via}, ${event.bytes.length} bytes`
    case 'chain':
      return `chain ${event.fact.kind}`
    case 'duty-done':
    case 'duty-failed':
      return `${event.kind} ${event.duty}`
    case 'executed':
    case 'refused':
    case 'progressed':
    case 'followed':
      return `${event.kind} ${event.jobId}`
    case 'verified':
      return `verified ${event.claim} ${event.verdict}`
    default:
      return event.kind
  }
}

function inJson(outcome: Outcome): string {
  return JSON.stringify(outcome, (_, value: unknown) => {
    if (typeof value === 'bigint') return value.toString()
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  })
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function say<T extends number>(line: string, code: T): T {
  process.stderr.write(`${line}\n`)
  return code
}
