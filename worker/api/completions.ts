/**
 * The endpoints that applications know from OpenAI: `model` names an adapter by content id, or a base model. Text streams
 * as it is written; the last chunk says who checked it, whose data shaped it, and what it quotes.
 */
import { type Context, Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { refusedByAll } from '../../coordinator-free/assignment.ts'
import { REFUSALS } from '../../coordinator-free/reason-words.ts'
import { Prompt } from '../../protocol/answer.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Gateway, Service } from '../service.ts'
import { sleep } from '../sleep.ts'
import { CHAT_FORM, type Form, finishReason, TEXT_FORM } from './completion-forms.ts'
import { chatQuestion, type Question, textQuestion } from './completion-requests.ts'
import { problem, RequestError, wrong } from './errors.ts'
import { bodyOfAtMost, jsonBody } from './input.ts'
import { listModels, modelAsked, oneModel } from './models.ts'
import type { OfferedModel } from './offered-models.ts'
import { type JobView, viewAnswer, viewJob } from './views.ts'

/** Of an answer at the most, where the caller has not said. */
const ANSWER_TOKENS: Readonly<Record<Question['field'], number>> = { prompt: 64, messages: 256 }
/** No prompt is as long by far: strangers shall not fill the memory. */
const MAX_BODY_BYTES = 1024 * 1024
const LOOK_MS = 50
const FETCH_MS = 20_000
/** Proxies cut a connection off over which nothing came for a minute; an answer may be waited for for ten. */
const KEEP_ALIVE_MS = 15_000

export function completionRoutes(service: Service, gateway: Gateway): Hono {
  const answer = async (c: Context, form: Form, question: Question) => {
    const ordered = await order(service, gateway, form, question)
    return question.stream ? streamed(c, service, gateway, ordered) : whole(c, service, ordered)
  }
  const bounded = bodyOfAtMost(MAX_BODY_BYTES)
  return new Hono()
    .get('/models', (c) => c.json({ object: 'list', data: listModels(service, gateway) }))
    .get('/models/:model', (c) => c.json(oneModel(service, gateway, c.req.param('model'))))
    .use('/completions', bounded)
    .use('/chat/completions', bounded)
    .post('/completions', async (c) => answer(c, TEXT_FORM, textQuestion(await jsonBody(c.req))))
    .post('/chat/completions', async (c) => {
      return answer(c, CHAT_FORM, chatQuestion(await jsonBody(c.req)))
    })
}

/** In OpenAI's words. */
function usageOf({ promptTokens: read }: Ordered, written: number) {
  return { prompt_tokens: read, completion_tokens: written, total_tokens: read + written }
}

/** @throws RequestError 400 where the model's context has no room for it */
async function order(
  service: Service,
  gateway: Gateway,
  form: Form,
  question: Question,
): Promise<Ordered> {
  const { base, adapter } = modelAsked(service, gateway, question.model)
  const { text, addSpecialTokens } = question.textFor(base)
  const promptTokens = base.tokenizer.encode(text, { addSpecialTokens }).length
  const room = base.contextTokens - promptTokens
  const maxTokens = question.maxTokens ?? Math.min(ANSWER_TOKENS[question.field], Math.max(1, room))
  if (maxTokens > room) {
    const why = `${promptTokens} tokens leave room for ${Math.max(0, room)}, not ${maxTokens}; shorten it or ask for fewer.`
    throw wrong(question.field, why, 'context_length_exceeded')
  }
  const { temperature, topK, stop, logProbabilities } = question
  const prompt = { text, addSpecialTokens, temperature, topK, maxTokens, stop, logProbabilities }
  requireFits(prompt, question.field)
  const jobId = await gateway.orders.answer(base.cid, adapter, prompt)
  const { model, includeUsage } = question
  return { form, model, includeUsage, jobId, base, promptTokens }
}

/** Limits count characters, of which some have more bytes. @throws RequestError 400 */
function requireFits(prompt: Prompt, field: Question['field']): void {
  try {
    Prompt.encode(prompt)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw wrong(field, `${error.message}; shorten it.`, 'context_length_exceeded')
  }
}

/** A question on its way. */
interface Ordered {
  readonly form: Form
  /** As the caller names it. */
  readonly model: string
  readonly includeUsage: boolean
  readonly jobId: Hash
  readonly base: OfferedModel
  readonly promptTokens: number
}

async function whole(c: Context, service: Service, ordered: Ordered) {
  const { form, jobId, base } = ordered
  const view = await accepted(service, jobId, c.req.raw.signal)
  const answer = await answerOf(service, base, view)
  const { text, tokens, stop, logProbabilities, ...provenance } = answer
  const logprobs = form.logprobs(logProbabilities)
  return c.json({
    ...frame(ordered, form.object),
    choices: [{ index: 0, ...form.whole(text), finish_reason: finishReason(stop), logprobs }],
    usage: usageOf(ordered, tokens),
    tributary: { job: view, ...provenance },
  })
}

function streamed(c: Context, service: Service, gateway: Gateway, ordered: Ordered) {
  const { form, jobId, base } = ordered
  c.header('x-accel-buffering', 'no')
  return streamSSE(c, async (stream) => {
    const send = (data: object) => stream.writeSSE({ data: JSON.stringify(data) })
    const chunk = (choice: object) => ({
      ...frame(ordered, form.pieceObject),
      choices: [{ index: 0, finish_reason: null, ...choice }],
    })
    let sent = ''
    // Whoever asks learns at once that the job is on its way, and its id.
    let written: Promise<unknown> = send(chunk(form.first()))
    const stop = gateway.texts.listen(jobId, (text) => {
      sent += text
      written = written.then(() => send(chunk(form.piece(text)))).catch(stop)
    })
    const alive = setInterval(() => {
      // A comment, which clients pass over.
      written = written.then(() => stream.write(': waiting\n\n'))
    }, KEEP_ALIVE_MS)
    try {
      const view = await accepted(service, jobId, c.req.raw.signal)
      const answer = await answerOf(service, base, view)
      const { text, tokens, stop: why, logProbabilities, ...provenance } = answer
      await written
      const tributary = { text, job: view, ...provenance }
      if (!text.startsWith(sent)) return await send({ ...otherwise(jobId), tributary })
      const rest = form.piece(text.slice(sent.length))
      const logprobs = form.logprobs(logProbabilities)
      const usage = usageOf(ordered, tokens)
      const last = chunk({ ...rest, finish_reason: finishReason(why), logprobs })
      await send({ ...last, ...(!ordered.includeUsage && { usage }), tributary })
      if (ordered.includeUsage) await send({ ...chunk({}), choices: [], usage })
      await stream.writeSSE({ data: '[DONE]' })
    } catch (error) {
      await send(problem(error as Error).body)
    } finally {
      clearInterval(alive)
      stop()
    }
  })
}

/** What a worker streamed that was caught cheating cannot be taken back, so whoever has read it must hear of it. */
function otherwise(jobId: Hash) {
  const message = `What was streamed is not the answer that validators accepted: discard it. GET /v1/jobs/${jobId}/answer has the one that counts.`
  return problem(new RequestError(502, message)).body
}

/**
 * Waits until validators have accepted a claim.
 * @throws RequestError 504 where the deadline passes first, 503 where no worker takes the job or this node has no record of it
 */
async function accepted(service: Service, jobId: Hash, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const record = service.records.get(jobId)
    // Its own rules may keep it out, where other orders fill the ledger; and records end, the oldest first.
    if (!record) throw new RequestError(503, `There are too many jobs for job ${jobId}. Ask later.`)
    const view = viewJob(service.runtime.core.ledger, record, Date.now())
    if (view.accepted) return view
    requireTaker(service, jobId)
    if (Date.now() > record.job.deadlineMs) break
    await sleep(LOOK_MS, signal)
  }
  const message = `No worker's answer to job ${jobId} was accepted in time.`
  throw new RequestError(504, message, { isFinal: true })
}

/** @throws RequestError 503 where every worker has refused the job: waiting for its deadline would be in vain */
function requireTaker({ runtime }: Service, jobId: Hash): void {
  const refused = refusedByAll(runtime.core.ledger, jobId)
  if (!refused) return
  const reasons = [...new Set(refused)].map((reason) => REFUSALS[reason]).join('; ')
  const mends = refused.includes('order')
    ? 'Ask with a shorter prompt, or another model.'
    : 'Bid more (start with --bid-answer), or ask later.'
  // Who has too much to do takes the next one, perhaps; whoever cannot, or is paid too little, does not.
  const isFinal = !refused.includes('busy')
  throw new RequestError(503, `No worker takes job ${jobId}: ${reasons}. ${mends}`, { isFinal })
}

function answerOf({ content }: Service, { tokenizer }: OfferedModel, view: JobView) {
  const { output } = view.accepted!
  return viewAnswer(content, output, tokenizer.decode, AbortSignal.timeout(FETCH_MS))
}

function frame({ jobId, model }: Ordered, object: string) {
  return { id: jobId, object, created: Math.floor(Date.now() / 1000), model }
}
