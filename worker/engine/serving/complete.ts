/** Text in, text out: a prompt's tokens, the stream of characters, and the stop strings around `Model.generate`. */
import type { CallOptions, Model, Served } from '../engine.ts'
import type { Tokenizer } from '../files/tokenizer.ts'
import type { Generated, GenerateRequest } from '../requests.ts'
import { stoppingText } from './stop-strings.ts'

export interface CompletionRequest extends Omit<Served<GenerateRequest>, 'prompt'> {
  readonly prompt: string
  /** The text ends before the first of these; up to four. */
  readonly stop?: readonly string[]
}

export interface Completed extends Omit<Generated, 'stop'> {
  readonly text: string
  readonly stop: Generated['stop'] | 'stop-string'
}

/** Completes a prompt; `onText` is given the text as it comes, and never a part of a stop string. */
export async function complete(
  model: Pick<Model, 'generate'>,
  tokenizer: Tokenizer,
  request: CompletionRequest,
  { signal, onText = () => {} }: CallOptions & { readonly onText?: (text: string) => void } = {},
): Promise<Completed> {
  const { stop = [], ...rest } = request
  const stopping = stoppingText(stop)
  const stream = tokenizer.stream()
  let text = ''
  const give = (part: string): void => {
    if (part === '') return
    text += part
    onText(part)
  }
  const encoded = tokenizer.encode(request.prompt)
  const prompt = encoded.length > 0 ? encoded : [tokenizer.endOfText ?? 0]
  const onToken = (token: number): boolean => {
    give(stopping.push(stream.push(token)))
    return stopping.found !== undefined
  }
  const generated = await model.generate({ ...rest, prompt }, { signal, onToken })
  give(stopping.push(stream.end()))
  give(stopping.end())
  return { ...generated, text, stop: stopping.found === undefined ? generated.stop : 'stop-string' }
}
