/** Answers in OpenAI's two forms: the text that follows on a prompt, and the next message of a conversation. */
import type { Answer } from '../../protocol/answer.ts'
import type { AnswerView } from './views.ts'

type Told = AnswerView['logProbabilities']

/** How an answer is put. Each gives the fields of a choice. */
export interface Form {
  readonly object: string
  /** The same of the pieces of a stream. */
  readonly pieceObject: string
  whole(text: string): object
  first(): object
  piece(text: string): object
  /** Null where none were asked for. */
  logprobs(told: Told): object | null
}

export const TEXT_FORM: Form = {
  object: 'text_completion',
  pieceObject: 'text_completion',
  whole: (text) => ({ text }),
  first: () => ({ text: '' }),
  piece: (text) => ({ text }),
  logprobs: textLogprobs,
}

export const CHAT_FORM: Form = {
  object: 'chat.completion',
  pieceObject: 'chat.completion.chunk',
  whole: (content) => ({ message: { role: 'assistant', content, refusal: null } }),
  first: () => ({ delta: { role: 'assistant', content: '' } }),
  piece: (content) => ({ delta: { content } }),
  logprobs: chatLogprobs,
}

/** In OpenAI's words. */
export function finishReason(stop: Answer['stop']): 'stop' | 'length' {
  return stop === 'stop-token' || stop === 'stop-string' ? 'stop' : 'length'
}

/** Offsets are into the answer's text, token by token. */
function textLogprobs(told: Told) {
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

function chatLogprobs(told: Told) {
  if (told.length === 0) return null
  const content = told.map(({ likeliest, ...token }) => {
    return { ...chatLogprob(token), top_logprobs: likeliest.map(chatLogprob) }
  })
  return { content, refusal: null }
}

function chatLogprob({ text, logProbability }: Pick<Told[number], 'text' | 'logProbability'>) {
  // A token may be a part of a character.
  const bytes = text.includes('\ufffd') ? null : [...new TextEncoder().encode(text)]
  return { token: text, logprob: logProbability, bytes }
}
