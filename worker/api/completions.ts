/**
 * The endpoints that applications know from OpenAI: `model` names an adapter or a base model by content id. Text streams
 * as it is written; the last chunk says who checked it, whose data shaped it, and what it quotes.
 */
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { streamSSE } from 'hono/streaming'
import { z } from 'zod'
import { refusedByAll } from '../../coordinator-free/assignment.ts'
import { REFUSALS } from '../../coordinator-free/reason-words.ts'
import {
  type Answer,
  MAX_ANSWER_TOKENS,
  MAX_LIKELIEST,
  StopStrings,
  Temperature,
} from '../../protocol/answer.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Gateway, Service } from '../service.ts'
import { sleep } from '../sleep.ts'
import { jsonBody, parse } from './input.ts'
import { listModels, modelAsked } from './models.ts'
import type { OfferedModel } from './offered-models.ts'
import { type AnswerView, type JobView, viewAnswer, viewJob } from './views.ts'

const CompletionRequest = z.preprocess(
  withoutNulls,
  z.object({
    model: z.string().min(1).max(128),
    prompt: z
      .string()
      .min(1)
      .max(32 * 1024),
    max_tokens: z.number().int().min(1).max(MAX_ANSWER_TOKENS).default(64),
    temperature: Temperature.default(0.7),
    stop: z.preprocess(
      (stop) => (typeof stop === 'string' ? [stop] : stop),
      StopStrings.default([]),
    ),
    top_k: z.number().int().min(1).max(1024).default(40),
    /** How many of the likeliest tokens to tell at each place. */
    logprobs: z.number().int().min(0).max(MAX_LIKELIEST).optional(),
    stream: z.boolean().default(false),
    // Who asks for these would take what comes without them for something else.
    n: z.literal(1, 'must be 1: one answer is written').optional(),
    best_of: z.literal(1, 'must be 1: one answer is written').optional(),
    echo: z.literal(false, 'must be false: prompts are not scored').optional(),
    suffix: z.literal('', 'must be empty: nothing is inserted before a text').optional(),
  }),
)
type CompletionRequest = z.output<typeof CompletionRequest>

const LOOK_MS = 50
const FETCH_MS = 20_000
/** Proxies cut a connection off over which nothing came for a minute; an answer may be waited for for ten. */
const KEEP_ALIVE_MS = 15_000

export function completionRoutes(service: Service, gateway: Gateway): Hono {
  return new Hono()
    .get('/models', (c) => c.json({ object: 'list', data: listModels(service, gateway) }))
    .post('/completions', async (c) => {
      const request = parse(CompletionRequest, await jsonBody(c.req))
      const wanted = modelAsked(service, gateway, request.model)
      const ordered = await order(gateway, wanted, request)
      return request.stream ? streamed(c, service, gateway, ordered) : whole(c, service, ordered)
    })
}

/** In OpenAI's form null is what was left out. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}

/** In OpenAI's words. */
function usageOf({ promptTokens: read }: Ordered, written: number) {
  return { prompt_tokens: read, completion_tokens: written, total_tokens: read + written }
}

/** In OpenAI's words. */
function finishReason(stop: Answer['stop']): 'stop' | 'length' {
  return stop === 'stop-token' || stop === 'stop-string' ? 'stop' : 'length'
}

/** In OpenAI's form; null where none were asked for. Offsets are into the answer's text, token by token. */
export function logprobsOf(told: AnswerView['logProbabilities']) {
  if (told.length === 0) return null
  let offset = 0
  const offsets = told.map(({ text }) => {
    offset += text.length
    return offset - text.length
  })
  const tops = told.map(({ likeliest }) =>
    Object.fromEntries(likeliest.map(({ text, logProbability }) => [text, logProbability])),
  )
  return {
    tokens: told.map(({ text }) => text),
    token_logprobs: told.map(({ logProbability }) => logProbability),
    top_logprobs: tops,
    text_offset: offsets,
  }
}

async function order(
  { orders }: Gateway,
  { base, adapter }: ReturnType<typeof modelAsked>,
  request: CompletionRequest,
): Promise<Ordered> {
  const promptTokens = base.tokenizer.encode(request.prompt).length
  const room = base.contextTokens - promptTokens
  if (request.max_tokens > room) {
    throw new HTTPException(400, {
      message: `prompt: it leaves room for ${Math.max(0, room)} tokens, not ${request.max_tokens}; shorten it or ask for fewer.`,
    })
  }
  const jobId = await orders.answer(base.cid, adapter, {
    text: request.prompt,
    temperature: request.temperature,
    topK: request.top_k,
    maxTokens: request.max_tokens,
    stop: request.stop,
    logProbabilities: request.logprobs ?? null,
  })
  return { request, jobId, base, promptTokens }
}

/** A question on its way. */
interface Ordered {
  readonly request: CompletionRequest
  readonly jobId: Hash
  readonly base: OfferedModel
  readonly promptTokens: number
}

async function whole(c: Context, service: Service, ordered: Ordered) {
  const { request, jobId, base } = ordered
  const view = await accepted(service, jobId, c.req.raw.signal)
  const answer = await answerOf(service, base, view)
  const { text, tokens, stop, logProbabilities, ...provenance } = answer
  const logprobs = logprobsOf(logProbabilities)
  return c.json({
    ...frame(jobId, request.model),
    choices: [{ index: 0, text, finish_reason: finishReason(stop), logprobs }],
    usage: usageOf(ordered, tokens),
    tributary: { job: view, ...provenance },
  })
}

function streamed(c: Context, service: Service, gateway: Gateway, ordered: Ordered) {
  const { request, jobId, base } = ordered
  c.header('x-accel-buffering', 'no')
  return streamSSE(c, async (stream) => {
    const send = (data: object) => stream.writeSSE({ data: JSON.stringify(data) })
    const chunk = (choice: object) => ({
      ...frame(jobId, request.model),
      choices: [{ index: 0, finish_reason: null, ...choice }],
    })
    let sent = ''
    // Whoever asks learns at once that the job is on its way, and its id.
    let written: Promise<unknown> = send(chunk({ text: '' }))
    const stop = gateway.texts.listen(jobId, (text) => {
      sent += text
      written = written.then(() => send(chunk({ text }))).catch(stop)
    })
    const alive = setInterval(() => {
      // A comment, which clients pass over.
      written = written.then(() => stream.write(': waiting\n\n'))
    }, KEEP_ALIVE_MS)
    try {
      const view = await accepted(service, jobId, c.req.raw.signal)
      const answer = await answerOf(service, base, view)
      const { text, tokens, stop: why, logProbabilities, ...provenance } = answer
      // Where a worker was caught cheating, what was streamed is not what was accepted: the end sets it right.
      const rest = text.startsWith(sent) ? text.slice(sent.length) : ''
      await written
      const logprobs = logprobsOf(logProbabilities)
      await send({
        ...chunk({ text: rest, finish_reason: finishReason(why), logprobs }),
        usage: usageOf(ordered, tokens),
        tributary: { text, job: view, ...provenance },
      })
      await stream.writeSSE({ data: '[DONE]' })
    } catch (error) {
      await send({ error: { message: (error as Error).message } })
    } finally {
      clearInterval(alive)
      stop()
    }
  })
}

/**
 * Waits until validators have accepted a claim.
 * @throws HTTPException 504 where the deadline passes first, 503 where no worker takes the job
 */
async function accepted(service: Service, jobId: Hash, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const record = service.records.get(jobId)
    if (record) {
      const view = viewJob(service.runtime.core.ledger, record, Date.now())
      if (view.accepted) return view
      requireTaker(service, jobId)
      if (Date.now() > record.job.deadlineMs) break
    }
    await sleep(LOOK_MS, signal)
  }
  throw new HTTPException(504, {
    message: `No worker's answer to job ${jobId} was accepted in time.`,
  })
}

/** @throws HTTPException 503 where every worker has refused the job: waiting for its deadline would be in vain */
function requireTaker({ runtime }: Service, jobId: Hash): void {
  const refused = refusedByAll(runtime.core.ledger, jobId)
  if (!refused) return
  const reasons = [...new Set(refused)].map((reason) => REFUSALS[reason]).join('; ')
  const mends = refused.includes('order')
    ? 'Ask with a shorter prompt, or another model.'
    : 'Bid more (start with --bid-answer), or ask later.'
  throw new HTTPException(503, { message: `No worker takes job ${jobId}: ${reasons}. ${mends}` })
}

function answerOf({ content }: Service, { tokenizer }: OfferedModel, view: JobView) {
  const { output } = view.accepted!
  return viewAnswer(content, output, tokenizer.decode, AbortSignal.timeout(FETCH_MS))
}

function frame(jobId: Hash, model: string) {
  return { id: jobId, object: 'text_completion', created: Math.floor(Date.now() / 1000), model }
}
