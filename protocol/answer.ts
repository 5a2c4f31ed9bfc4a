/** A prompt, and the answer to it with all that its checkers need. */
import { z } from 'zod'
import { Attribution } from './attribution.ts'
import { type DocumentValue, document } from './document.ts'
import { address, bytes } from './fields.ts'
import { LEAST_TEMPERATURE } from './sampling.ts'

export const MAX_ANSWER_TOKENS = 4096
/** UTF-16 units of a prompt's text. */
export const MAX_PROMPT_TEXT = 32 * 1024
/** UTF-16 units of an answer's text. */
export const MAX_ANSWER_TEXT = 64 * 1024
const MAX_SPANS = 1024

/** The most of the likeliest tokens that are told at each place, as callers know it from OpenAI. */
export const MAX_LIKELIEST = 5

/** As callers know them from OpenAI: up to four. */
export const StopStrings = z.array(z.string().min(1).max(64)).max(4)

export const MAX_TEMPERATURE = 10

/** How evenly tokens are drawn: 0 always takes the likeliest. */
export const Temperature = z
  .number()
  .refine(
    (value) => value === 0 || (value >= LEAST_TEMPERATURE && value <= MAX_TEMPERATURE),
    `must be 0, which always takes the likeliest token, or from ${LEAST_TEMPERATURE} to ${MAX_TEMPERATURE}`,
  )

export const Prompt = document(
  'prompt',
  64 * 1024,
  z.strictObject({
    text: z.string().min(1).max(MAX_PROMPT_TEXT),
    /** Whether the tokenizer puts around the text what it puts around any. A chat template has done that itself. */
    addSpecialTokens: z.boolean(),
    temperature: Temperature,
    topK: z.number().int().min(1).max(1024),
    maxTokens: z.number().int().min(1).max(MAX_ANSWER_TOKENS),
    /** The answer's text ends before the first of these. */
    stop: StopStrings,
    /**
     * To tell how likely each token of the answer was, and so many of the likeliest at its place; null to tell nothing.
     */
    logProbabilities: z.number().int().min(0).max(MAX_LIKELIEST).nullable(),
  }),
)
export type Prompt = DocumentValue<typeof Prompt>

const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32)

/** A run of the answer's tokens that stands word for word in the datanet, and cannot be longer on either side. */
export const Span = z.strictObject({
  /** First token of the answer in the run, and the first behind it. */
  start: count,
  end: count,
  /** Places of the datanet that hold the run: so many suffixes of its suffix array begin with it, from `place` on. */
  occurrences: count,
  place: count,
  /** The earliest of them: number of the contribution, its contributor and name. */
  contribution: count,
  contributor: address,
  name: z.string().max(256),
})
export type Span = z.output<typeof Span>

/** Log-probabilities are told in so many parts of a nat. */
export const PARTS_OF_NAT = 1_000_000
/** The least that is told: a probability of e^-1000 or less. */
export const LEAST_LOG_PROBABILITY = -1000 * PARTS_OF_NAT
/** Natural logarithm of a probability, before temperature and top-k. */
const logProbability = z.number().int().min(LEAST_LOG_PROBABILITY).max(0)

const STOPS = ['length', 'stop-token', 'stop-string', 'context'] as const

export const Answer = document(
  'answer',
  2 * 1024 * 1024,
  z.strictObject({
    tokens: z.array(count).max(MAX_ANSWER_TOKENS),
    text: z.string().max(MAX_ANSWER_TEXT),
    stop: z.enum(STOPS),
    /** Sketches of hidden states, int16 little-endian: see `commitment.ts`. */
    sketches: bytes,
    /** The answer's own row, int8: the gradient of its likelihood in the coordinates of the index. Empty for the base. */
    query: bytes,
    attribution: Attribution,
    spans: z.array(Span).max(MAX_SPANS),
    /** One for each token where the prompt asks for them, else none; the likeliest first. */
    logProbabilities: z
      .array(
        z.strictObject({
          logProbability,
          likeliest: z.array(z.strictObject({ token: count, logProbability })).max(MAX_LIKELIEST),
        }),
      )
      .max(MAX_ANSWER_TOKENS),
  }),
)
export type Answer = DocumentValue<typeof Answer>
