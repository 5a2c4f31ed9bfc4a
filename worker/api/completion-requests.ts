/** What applications ask of a model, in OpenAI's two forms: a text to go on with, and a conversation to answer. */
import { z } from 'zod'
import {
  MAX_ANSWER_TOKENS,
  MAX_LIKELIEST,
  MAX_PROMPT_TEXT,
  type Prompt,
  StopStrings,
  Temperature,
} from '../../protocol/answer.ts'
import { EngineError } from '../engine/errors.ts'
import { wrong } from './errors.ts'
import { parse } from './input.ts'
import type { OfferedModel } from './offered-models.ts'

export interface Question
  extends Pick<Prompt, 'temperature' | 'topK' | 'stop' | 'logProbabilities'> {
  readonly model: string
  readonly stream: boolean
  /** Whether the end of a stream tells the usage in a piece of its own. */
  readonly includeUsage: boolean
  /** What the model reads, as the fields of a prompt. @throws RequestError 400 */
  textFor(base: OfferedModel): Pick<Prompt, 'text' | 'addSpecialTokens'>
  /** The request's field that it is made from. */
  readonly field: 'prompt' | 'messages'
  /** Undefined where the caller has not said. */
  readonly maxTokens: number | undefined
}

const maxTokens = z.number().int().min(1).max(MAX_ANSWER_TOKENS).optional()

const none = (why: string) => z.array(z.never(), `must be left out: ${why}`).max(0).optional()
const BY_OTHER_MEANS = 'tokens are drawn by temperature and top_k alone'
const neutral = (value: 0 | 1) =>
  z.literal(value, `must be ${value} or left out: ${BY_OTHER_MEANS}`).optional()
const NO_TOOLS = 'models here call none'
const noTool = z.enum(['none', 'auto'], `must be none or auto: ${NO_TOOLS}`).optional()

const ignored = z.unknown().optional()
/** They change nothing of an answer. */
const OF_NO_EFFECT = {
  ...{ user: ignored, safety_identifier: ignored, metadata: ignored, service_tier: ignored },
  ...{ prompt_cache_key: ignored, prompt_cache_retention: ignored, prediction: ignored },
  parallel_tool_calls: ignored,
}

/** What both forms have. Who asks for what nobody does would take what comes without it for something else. */
const Asked = z.strictObject({
  ...OF_NO_EFFECT,
  model: z.string().min(1).max(128),
  max_tokens: maxTokens,
  temperature: Temperature.default(0.7),
  stop: z.preprocess((stop) => (typeof stop === 'string' ? [stop] : stop), StopStrings.default([])),
  top_k: z.number().int().min(1).max(1024).default(40),
  stream: z.boolean().default(false),
  stream_options: z
    .object({ include_usage: z.boolean().nullish() })
    .transform(({ include_usage: isWanted }) => ({ includeUsage: isWanted ?? false }))
    .default({ includeUsage: false }),
  top_p: neutral(1),
  min_p: neutral(0),
  presence_penalty: neutral(0),
  frequency_penalty: neutral(0),
  repetition_penalty: neutral(1),
  logit_bias: z
    .record(z.string(), z.unknown())
    .refine((bias) => Object.keys(bias).length === 0, `must be empty: ${BY_OTHER_MEANS}`)
    .optional(),
  seed: z.number().int().optional(),
  store: z.literal(false, 'must be false: no list of answers is kept').optional(),
  n: z.literal(1, 'must be 1: one answer is written').optional(),
})

const likeliest = z.number().int().min(0).max(MAX_LIKELIEST).optional()

const promptText = z.string().min(1).max(MAX_PROMPT_TEXT)

const TextRequest = z.preprocess(
  withoutNulls,
  Asked.extend({
    /** Some clients put the one that they have into a list. */
    prompt: z.union(
      [promptText, z.tuple([promptText]).transform(([text]) => text)],
      `must be a text of 1 to ${MAX_PROMPT_TEXT} characters, or a list of one`,
    ),
    /** How many of the likeliest tokens to tell at each place. */
    logprobs: likeliest,
    best_of: z.literal(1, 'must be 1: one answer is written').optional(),
    echo: z.literal(false, 'must be false: prompts are not scored').optional(),
    suffix: z.literal('', 'must be empty: nothing is inserted before a text').optional(),
  }),
)

const MAX_MESSAGES = 1024

const Content = z.union(
  [
    z.string().max(MAX_PROMPT_TEXT),
    z
      .array(z.object({ type: z.literal('text'), text: z.string().max(MAX_PROMPT_TEXT) }))
      .max(MAX_MESSAGES)
      .transform((parts) => parts.map(({ text }) => text).join('')),
  ],
  'must be a text, or a list of parts of type text',
)

const ChatMessage = z.object({
  /** OpenAI's newer models have developers where others have a system. */
  role: z
    .enum(['system', 'developer', 'user', 'assistant'])
    .transform((role) => (role === 'developer' ? 'system' : role)),
  content: Content,
})

const ChatRequest = z.preprocess(
  withoutNulls,
  Asked.extend({
    messages: z.array(ChatMessage).min(1).max(MAX_MESSAGES),
    max_completion_tokens: maxTokens,
    logprobs: z.boolean().default(false),
    top_logprobs: likeliest,
    /** For the template, in the words of other servers. */
    chat_template_kwargs: z
      .record(z.string().max(64), z.union([z.string().max(1024), z.number(), z.boolean()]))
      .default({}),
    tools: none(NO_TOOLS),
    tool_choice: noTool,
    functions: none(NO_TOOLS),
    function_call: noTool,
    modalities: z.tuple([z.literal('text')], 'must be text alone').optional(),
    response_format: z
      .object({ type: z.literal('text', 'must be text: nothing else can be promised') })
      .optional(),
  }).refine(({ logprobs, top_logprobs: top }) => logprobs || top === undefined, {
    path: ['top_logprobs'],
    message: 'needs logprobs: true',
  }),
)

/** @throws RequestError 400 */
export function textQuestion(body: unknown): Question {
  const { prompt, logprobs, ...asked } = parse(TextRequest, body)
  return {
    ...common(asked),
    field: 'prompt',
    maxTokens: asked.max_tokens,
    logProbabilities: logprobs ?? null,
    textFor: () => ({ text: prompt, addSpecialTokens: true }),
  }
}

/** @throws RequestError 400 */
export function chatQuestion(body: unknown): Question {
  const { messages, chat_template_kwargs: options, ...asked } = parse(ChatRequest, body)
  return {
    ...common(asked),
    field: 'messages',
    maxTokens: asked.max_completion_tokens ?? asked.max_tokens,
    logProbabilities: asked.logprobs ? (asked.top_logprobs ?? 0) : null,
    textFor: (base) => ({ text: conversation(base, messages, options), addSpecialTokens: false }),
  }
}

function common(asked: z.output<typeof Asked>) {
  const { model, temperature, top_k: topK, stop, stream, seed } = asked
  if (seed !== undefined && temperature !== 0) {
    throw wrong('seed', 'must be left out, or temperature be 0: the id of the job seeds each draw')
  }
  return { model, temperature, topK, stop, stream, ...asked.stream_options }
}

type Conversation = Parameters<NonNullable<OfferedModel['chat']>['render']>

/** A conversation as the text that its model was taught to answer. @throws RequestError 400 */
function conversation({ chat, name }: OfferedModel, ...said: Conversation): string {
  if (!chat) {
    throw wrong(
      'model',
      `${name} has no chat template, so it was not taught to answer conversations; ask it to go on with a text, by POST /v1/completions.`,
    )
  }
  let text: string
  try {
    text = chat.render(...said)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw wrong('messages', `the chat template of ${name} refuses them: ${error.message}`)
  }
  if (text.length > 0 && text.length <= MAX_PROMPT_TEXT) return text
  throw wrong(
    'messages',
    `by the chat template of ${name} they come to ${text.length} characters, of 1 to ${MAX_PROMPT_TEXT} allowed.`,
    text.length > 0 ? 'context_length_exceeded' : undefined,
  )
}

/** In OpenAI's form null is what was left out. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}
