/** `tributary ask`: a question to a model on the network, its text as it is written, then whose data spoke in it. */
import { styleText } from 'node:util'
import { Command, InvalidArgumentError } from 'commander'
import { MAX_TEMPERATURE } from '../../protocol/answer.ts'
import { LEAST_TEMPERATURE } from '../../protocol/sampling.ts'
import type { AnswerView, JobView } from '../api/views.ts'
import { Client, ClientError, nodeUrl } from './client.ts'
import { plainText, print, printJson, say, short, table } from './output.ts'

interface Chunk {
  readonly id: string
  readonly choices?: readonly {
    readonly text?: string
    readonly delta?: { readonly content?: string }
  }[]
  readonly tributary?: Omit<AnswerView, 'tokens' | 'stop' | 'logProbabilities'> & {
    readonly job: JobView
  }
  readonly error?: { readonly message: string }
}

interface AskOptions {
  readonly node?: string
  readonly model?: string
  readonly maxTokens?: number
  readonly stop?: string[]
  readonly temperature: number
  readonly system?: string
  readonly continue?: boolean
  readonly json?: boolean
}

/** As the gateway lists it. */
interface Model {
  readonly id: string
  readonly name?: string
  readonly parent?: string
  readonly chat: boolean
}

export function askCommand(): Command {
  return new Command('ask')
    .description('ask a model on the network')
    .argument(
      '<prompt...>',
      'a question, or a text to go on with where the model has no chat template',
    )
    .option('--node <url>', 'a gateway [TRIBUTARY_NODE]')
    .option(
      '--model <id>',
      'content id of an adapter, or the name of a base model, such as brook-4m (default: the newest adapter)',
    )
    .option(
      '--max-tokens <n>',
      'tokens to write at the most (default: 64, of a chat model 256)',
      whole,
    )
    .option('--stop <text...>', 'end before any of these, up to four')
    .option(
      '--temperature <t>',
      `0 is greedy; else from ${LEAST_TEMPERATURE} to ${MAX_TEMPERATURE}`,
      positive,
      0.7,
    )
    .option('--system <text>', 'what the model is told before the question')
    .option('--continue', 'go on with the text as it stands, whatever chat template there is')
    .option('--json', 'one JSON object on standard output')
    .action((words: string[], options: AskOptions) => ask(words.join(' '), options))
}

async function ask(prompt: string, options: AskOptions): Promise<void> {
  const client = new Client(nodeUrl(options.node))
  const { model, chat } = await modelFor(client, options)
  const isChat = chat && !options.continue
  if (options.system !== undefined && !isChat) {
    throw new ClientError('--system is for models with a chat template, asked without --continue.')
  }
  const path = isChat ? '/chat/completions' : '/completions'
  const body = {
    model,
    ...(isChat ? { messages: messagesOf(prompt, options) } : { prompt }),
    max_tokens: options.maxTokens,
    temperature: options.temperature,
    stop: options.stop,
    stream: true,
  }
  let last: Chunk | undefined
  try {
    for await (const chunk of chunks(client, path, body)) {
      if (!options.json) {
        if (!last && !isChat) process.stdout.write(styleText('dim', prompt))
        process.stdout.write(plainText(textOf(chunk)))
      }
      last = chunk
    }
  } finally {
    // Whatever is said next has a line of its own.
    if (last && !options.json) print('')
  }
  if (!last?.tributary) throw new ClientError('The answer ended before it was checked. Ask again.')
  if (options.json) return printJson({ id: last.id, model, ...last.tributary })
  if (last.error) {
    say('\nThat is not what validators accepted, which is:')
    print(plainText(last.tributary.text))
  }
  explain(last.tributary)
}

function messagesOf(prompt: string, { system }: AskOptions) {
  const question = { role: 'user', content: prompt }
  return system === undefined ? [question] : [{ role: 'system', content: system }, question]
}

function textOf({ choices }: Chunk): string {
  return choices?.[0]?.text ?? choices?.[0]?.delta?.content ?? ''
}

async function* chunks(client: Client, path: string, body: object): AsyncGenerator<Chunk> {
  for await (const { data } of client.events(path, AbortSignal.timeout(600_000), body)) {
    if (data === '[DONE]') return
    const chunk = JSON.parse(data) as Chunk
    if (chunk.error && !chunk.tributary) throw new ClientError(chunk.error.message)
    yield chunk
  }
}

function explain({ job, attribution, spans }: NonNullable<Chunk['tributary']>): void {
  const votes = job.accepted?.votes ?? []
  const passes = votes.filter(({ verdict }) => verdict === 'pass').length
  say('')
  say(
    `written by ${short(job.accepted?.worker ?? '')}, ${passes} of ${votes.length} validators passed it`,
  )
  const rows = attribution.slice(0, 5).map(({ contributor, share, rows: count }) => {
    return [
      `${(100 * share).toFixed(1)} %`,
      contributor,
      count === 1 ? '1 example' : `${count} examples`,
    ]
  })
  if (rows.length > 0) say(`shaped by\n${table(rows)}`)
  for (const { name, occurrences, start, end } of spans.slice(0, 5)) {
    say(`quotes ${end - start} tokens of ${plainText(name)} (${occurrences} times in the datanet)`)
  }
  say(`job ${job.jobId}`)
}

/** The model asked for; else the newest adapter, or the gateway's first base model where there is none. */
async function modelFor(
  client: Client,
  { model }: AskOptions,
): Promise<{ readonly model: string; readonly chat: boolean }> {
  const { data } = await client.get<{ data: Model[] }>('/models')
  const newest = data.findLast(({ parent }) => parent !== undefined) ?? data[0]!
  if (model === undefined) return { model: newest.id, chat: newest.chat }
  const named = data.find(({ id, name }) => id === model || name === model)
  return { model, chat: named?.chat ?? false }
}

export function whole(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It takes a whole number above 0.')
}

export function positive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It takes a number, 0 or more.')
}
