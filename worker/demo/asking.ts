/** Chapter: questions to the new model. Text streams in; then it is said whose data spoke, and what validators found. */
import type { AnswerView, JobView } from '../api/views.ts'
import { short } from '../cli/output.ts'
import { settledWithin } from '../sleep.ts'
import type { Cast } from './cast.ts'
import { DemoError } from './errors.ts'
import type { AnswerResult, DemoResult } from './result.ts'
import { oneLine, shares, verdicts } from './result.ts'
import { bad, dim, type Story, strong } from './story.ts'
import { named } from './tuning.ts'
import type { Watching } from './watching.ts'

export const PROMPTS = [
  'To install this package with npm, run',
  'The options object that is passed to the function',
  'This module is licensed under',
]
/** What the base model makes of the first question, for comparison. */
export async function askBase(options: AskingOptions): Promise<DemoResult['base']> {
  const { story, watching, signal } = options
  const [prompt] = PROMPTS
  const body = { ...request(prompt!), model: 'brook-4m' }
  const { choices } = await watching.client.post<Completion>('/completions', body, signal)
  const text = choices[0]!.text
  story.line(`the base model alone: ${prompt}${dim(oneLine(text))}`)
  return { prompt: prompt!, text }
}

interface Completion {
  readonly choices: readonly { readonly text: string }[]
}

function request(prompt: string) {
  return { prompt, max_tokens: MAX_TOKENS, temperature: 0.6, top_k: 40 }
}

const MAX_TOKENS = 48
/** A cheat is met by chance: so many questions more until it has had its turn. */
const MAX_MORE = 9

type Provenance = AnswerView & { readonly job: JobView }

/** An answer before it is settled. */
export interface Asked extends Omit<AnswerResult, 'batch' | 'txHash' | 'receipt'> {}

export interface AskingChapter {
  readonly answers: readonly Asked[]
  readonly caught: DemoResult['caught']
}

export interface AskingOptions {
  readonly story: Story
  readonly cast: Cast
  readonly watching: Watching
  readonly adapter: string
  /** Contributors by account. */
  readonly names: ReadonlyMap<string, string>
  readonly prompts: readonly string[]
  /** Go on asking until the cheat was met. */
  readonly cheat: boolean
  readonly signal: AbortSignal
}

export async function ask(options: AskingOptions): Promise<AskingChapter> {
  const answers: Asked[] = []
  const caught: DemoResult['caught'][number][] = []
  const hear = async (question: Question): Promise<void> => {
    const provenance = await question.checked
    const found = cheatsIn(options.cast, provenance.job)
    caught.push(...found)
    const answer = answerOf(options, question.prompt, provenance)
    tell(options.story, answer, found)
    answers.push(answer)
  }
  // The next question does not wait until the one before has been checked: all of them fit into one batch.
  const questions: Question[] = []
  for (const prompt of options.prompts) questions.push(await put(options, prompt))
  for (const question of questions) await hear(question)
  for (let i = 0; i < MAX_MORE && options.cheat && caught.length === 0; i++) {
    await hear(await put(options, PROMPTS[i % PROMPTS.length]!))
  }
  if (options.cheat && caught.length === 0) {
    throw new DemoError(
      'The cheat never had a turn. Run it again: turns are drawn afresh each time.',
    )
  }
  return { answers, caught }
}

interface Question {
  readonly prompt: string
  /** The answer, once validators have accepted one. */
  readonly checked: Promise<Checked>
}

type Checked = Provenance & { readonly text: string }

interface Chunk {
  readonly id?: string
  readonly choices?: readonly { readonly text: string }[]
  readonly tributary?: Checked
  readonly error?: { readonly message: string }
}

/** Asks, and shows the text as it is written. @returns when the worker has handed it in; checking goes on */
async function put(options: AskingOptions, prompt: string): Promise<Question> {
  const { story, watching } = options
  const claimed = new Set<unknown>()
  const off = watching.on(({ event, data }) => {
    if (event === 'claim') claimed.add(data['jobId'])
  })
  let jobId: string | undefined
  let isShown = true
  story.line(strong(prompt))
  story.append('         ')
  const checked = stream(options, prompt, (chunk) => {
    jobId ??= chunk.id
    if (isShown) story.append((chunk.choices?.[0]?.text ?? '').replace(/\s*\n\s*/g, dim(' ⏎ ')))
  })
  let isOver = false
  const over = checked.then(
    () => {
      isOver = true
    },
    () => {
      isOver = true
    },
  )
  while (!isOver && !claimed.has(jobId)) {
    await settledWithin(50, over)
  }
  isShown = false
  off()
  story.append('\n')
  return { prompt, checked }
}

async function stream(
  { watching, adapter, signal }: AskingOptions,
  prompt: string,
  onChunk: (chunk: Chunk) => void,
): Promise<Checked> {
  const body = { ...request(prompt), model: adapter, stream: true }
  for await (const { data } of watching.client.events('/completions', signal, body)) {
    if (data === '[DONE]') break
    const chunk = JSON.parse(data) as Chunk
    // Also where what was streamed is not what was accepted.
    if (chunk.tributary) return chunk.tributary
    if (chunk.error) throw new DemoError(chunk.error.message)
    onChunk(chunk)
  }
  throw new DemoError('An answer broke off before it was checked.')
}

/** Claims on a job that validators refused. */
function cheatsIn(cast: Cast, job: JobView): DemoResult['caught'][number][] {
  return job.claims
    .filter(({ claimId, votes }) => {
      return claimId !== job.accepted?.claimId && votes.some(({ verdict }) => verdict === 'fail')
    })
    .map(({ worker, votes }) => ({
      jobId: job.jobId,
      worker: cast.byNode(worker)?.name ?? worker,
      verdicts: named(cast, votes),
    }))
}

function tell(story: Story, answer: Asked, cheats: DemoResult['caught']): void {
  story.line(`${strong(answer.prompt)} ${dim(`job ${short(answer.jobId)}`)}`)
  for (const { worker, verdicts: votes } of cheats) {
    story.line(`${bad(`${worker} was caught`)}: ${verdicts(votes)}; it is not paid`)
    story.line(`${answer.worker} answered in its place: ${oneLine(answer.text)}`)
  }
  story.line(`${answer.worker} wrote ${answer.tokens} tokens; ${verdicts(answer.verdicts)}`)
  story.line(`shaped by ${shares(answer)}`)
  for (const { text, name, occurrences } of answer.spans.slice(0, 2)) {
    const often = occurrences > 1 ? `, ${occurrences} times in the datanet` : ''
    story.line(`quotes “${oneLine(text)}” ${dim(`(${name}${often})`)}`)
  }
}

function answerOf(
  { cast, names }: AskingOptions,
  prompt: string,
  { text, job, attribution, spans }: Checked,
): Asked {
  return {
    prompt,
    text,
    tokens: job.accepted!.units,
    jobId: job.jobId,
    worker: cast.byNode(job.accepted!.worker)?.name ?? job.accepted!.worker,
    attribution: attribution.map(({ contributor, share, score }) => {
      return { contributor, name: names.get(contributor) ?? contributor, share, score }
    }),
    spans: spans.map(({ contributor, name, occurrences, text: quoted }) => {
      return { text: quoted, contributor, name, occurrences }
    }),
    verdicts: named(cast, job.accepted!.votes),
  }
}
