/** Chapter: questions to the new model. Text streams in; then it is said whose data spoke, and what validators found. */
import type { JobView, viewAnswer } from '../api/views.ts'
import { short } from '../cli/output.ts'
import type { Cast } from './cast.ts'
import { DemoError } from './errors.ts'
import type { AnswerResult, DemoResult } from './result.ts'
import { oneLine, verdicts } from './result.ts'
import { bad, dim, type Story, strong } from './story.ts'
import { votesOf } from './tuning.ts'
import type { Watching } from './watching.ts'

const PROMPTS = [
  'To install this package with npm, run',
  'The options object that is passed to the function',
  'This module is licensed under',
]
const MAX_TOKENS = 48
/** A cheat is met by chance: so many questions more until it has had its turn. */
const MAX_MORE = 9

type Provenance = Awaited<ReturnType<typeof viewAnswer>> & { readonly job: JobView }

/** An answer before it is settled. */
export interface Asked extends Omit<AnswerResult, 'batch' | 'txHash' | 'receipt'> {}

export interface AskingChapter {
  readonly answers: readonly Asked[]
  readonly caught: DemoResult['caught']
}

export async function ask(
  story: Story,
  cast: Cast,
  watching: Watching,
  adapter: string,
  names: ReadonlyMap<string, string>,
  cheat: boolean,
  signal: AbortSignal,
): Promise<AskingChapter> {
  const answers: Asked[] = []
  const caught: DemoResult['caught'][number][] = []
  for (let i = 0; i < PROMPTS.length + MAX_MORE; i++) {
    if (i >= PROMPTS.length && (!cheat || caught.length > 0)) break
    const prompt = PROMPTS[i % PROMPTS.length]!
    const { text, provenance } = await stream(story, watching, adapter, prompt, signal)
    const { job } = provenance
    for (const claim of job.claims) {
      if (!claim.votes.some(({ verdict }) => verdict === 'fail')) continue
      if (claim.claimId === job.accepted?.claimId) continue
      const worker = cast.byNode(claim.worker)?.name ?? claim.worker
      const votes = claim.votes.map(({ validator, verdict, reason }) => {
        return { validator: cast.byNode(validator)?.name ?? validator, verdict, reason }
      })
      story.line(`${bad(`${worker} was caught`)}: ${verdicts(votes)}; it is not paid`)
      caught.push({ jobId: job.jobId, worker, verdicts: votes })
    }
    const answer = answerOf(cast, names, prompt, text, provenance)
    tell(
      story,
      answer,
      caught.some(({ jobId }) => jobId === job.jobId),
    )
    answers.push(answer)
  }
  if (cheat && caught.length === 0) {
    throw new DemoError(
      'The cheat never had a turn. Run it again: turns are drawn afresh each time.',
    )
  }
  return { answers, caught }
}

async function stream(
  story: Story,
  { client }: Watching,
  adapter: string,
  prompt: string,
  signal: AbortSignal,
) {
  const body = {
    model: adapter,
    prompt,
    max_tokens: MAX_TOKENS,
    temperature: 0.6,
    top_k: 40,
    stream: true,
  }
  story.line('')
  story.append(`         ${strong(prompt)}`)
  let last: {
    choices?: { text: string }[]
    tributary?: Provenance & { text: string }
    error?: { message: string }
  } = {}
  for await (const { data } of client.events('/completions', signal, body)) {
    if (data === '[DONE]') break
    last = JSON.parse(data) as typeof last
    if (last.error) throw new DemoError(last.error.message)
    story.append((last.choices?.[0]?.text ?? '').replace(/\s*\n\s*/g, dim(' ⏎ ')))
  }
  story.append('\n')
  if (!last.tributary) throw new DemoError('An answer broke off before it was checked.')
  return { text: last.tributary.text, provenance: last.tributary }
}

function tell(story: Story, answer: Asked, corrected: boolean): void {
  if (corrected) story.line(`what holds, from ${answer.worker}: ${oneLine(answer.text)}`)
  const shares = answer.attribution
    .slice(0, 3)
    .map(({ name, share }) => `${name} ${(100 * share).toFixed(0)} %`)
  story.line(`${answer.worker} wrote ${answer.tokens} tokens; ${verdicts(answer.verdicts)}`)
  story.line(`shaped by ${shares.join(', ')}`)
  for (const { text, name, occurrences } of answer.spans.slice(0, 2)) {
    const often = occurrences > 1 ? `, ${occurrences} times in the datanet` : ''
    story.line(`quotes “${oneLine(text)}” ${dim(`(${name}${often})`)}`)
  }
  story.line(dim(`job ${short(answer.jobId)}`))
}

function answerOf(
  cast: Cast,
  names: ReadonlyMap<string, string>,
  prompt: string,
  text: string,
  { job, attribution, spans }: Provenance,
): Asked {
  const nameOf = (account: string): string => names.get(account) ?? account
  return {
    prompt,
    text,
    tokens: job.accepted!.units,
    jobId: job.jobId,
    worker: cast.byNode(job.accepted!.worker)?.name ?? job.accepted!.worker,
    attribution: attribution.map(({ contributor, share, score }) => {
      return { contributor, name: nameOf(contributor), share, score }
    }),
    spans: spans.map(({ contributor, name, occurrences, text: quoted }) => {
      return { text: quoted, contributor, name, occurrences }
    }),
    verdicts: votesOf(cast, job),
  }
}
