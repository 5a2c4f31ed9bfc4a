/**
 * What turns a conversation into the text that a model was taught to answer: the Jinja template beside its weights, rendered
 * as Transformers renders it (`apply_chat_template`). Templates come from strangers, so each is given little time.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { z } from 'zod'
import { endingWithin } from '../../bounded.ts'
import { EngineError } from '../errors.ts'

export interface ChatMessage {
  readonly role: string
  readonly content: string
}

/** What some templates may be told besides, such as `enable_thinking`. */
export type ChatOptions = Readonly<Record<string, string | number | boolean>>

export interface ChatTemplate {
  /**
   * The whole text up to where the answer begins, with all special tokens. Throws `EngineError` (`bad-chat`) where the template
   * refuses the conversation, or cannot be used.
   */
  render(messages: readonly ChatMessage[], options?: ChatOptions): string
}

/** Newer models have a file for it; in older ones it stands in the tokenizer's config. */
export const TEMPLATE_FILE = 'chat_template.jinja'
const CONFIG_FILE = 'tokenizer_config.json'
const MAX_BYTES = 1024 * 1024
/** Honest ones take a millisecond or two. */
const MAX_RENDER_MS = 500

const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const

const specialToken = z
  .union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])
  .nullish()
/** Of several templates the default one is for conversations. */
const Config = z.object({
  ...{ bos_token: specialToken, eos_token: specialToken },
  ...{ unk_token: specialToken, pad_token: specialToken },
  chat_template: z
    .union([
      z.string(),
      z
        .array(z.object({ name: z.string(), template: z.string() }))
        .transform((all) => all.find(({ name }) => name === 'default')?.template),
    ])
    .nullish(),
})

/** A folder's template; undefined where the model has none. Throws `EngineError` (`bad-file`). */
export async function openChatTemplate(directory: string): Promise<ChatTemplate | undefined> {
  const own = await textOf(directory, TEMPLATE_FILE)
  const parsed = Config.safeParse(jsonOf((await textOf(directory, CONFIG_FILE)) ?? '{}'))
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw new EngineError('bad-file', `${CONFIG_FILE}: ${path.join('.')}: ${message}`)
  }
  const source = own ?? parsed.data.chat_template
  if (source === undefined || source === null) return undefined
  const named = SPECIAL_TOKENS.map((name) => [name, parsed.data[name]])
  const tokens = Object.fromEntries(named.filter(([, token]) => typeof token === 'string'))
  return templateFrom(source, tokens)
}

/** @param tokens texts of special tokens, by their names in `tokenizer_config.json` */
export function templateFrom(
  source: string,
  tokens: Readonly<Record<string, string>>,
): ChatTemplate {
  const template = within(
    () => new Template(source),
    (why) => new EngineError('bad-file', `the chat template cannot be read: ${why}`),
  )
  return {
    render: (messages, options = {}) =>
      within(
        () => template.render({ ...options, ...tokens, messages, add_generation_prompt: true }),
        (why) => new EngineError('bad-chat', why),
      ),
  }
}

function within<T>(work: () => T, errorOf: (why: string) => EngineError): T {
  let done: { readonly result: T } | undefined
  try {
    done = endingWithin(MAX_RENDER_MS, work)
  } catch (cause) {
    throw errorOf((cause as Error).message.slice(0, 300))
  }
  if (done) return done.result
  throw errorOf(`the template took more than ${MAX_RENDER_MS} ms`)
}

async function textOf(directory: string, name: string): Promise<string | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(join(directory, name))
  } catch {
    return undefined
  }
  if (bytes.length <= MAX_BYTES) return new TextDecoder().decode(bytes)
  throw new EngineError('bad-file', `${name} has ${bytes.length} bytes; ${MAX_BYTES} at the most`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new EngineError('bad-file', `${CONFIG_FILE} is no JSON`, { cause })
  }
}
