/** Text to token ids and back, by a Hugging Face tokenizer.json. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { endingWithin } from '../../bounded.ts'
import { EngineError } from '../errors.ts'

/** Stands for bytes that are no UTF-8, or not yet. */
const REPLACEMENT = '\ufffd'
/** Tokens that a text without a character may begin with, and its first character still be known for the first. */
const TOKENS_BEFORE = 8
/** A character has at most four bytes, so that many tokens. */
const MAX_TOKENS_OF_A_CHARACTER = 4

/**
 * Patterns of a tokenizer.json come from strangers, and some take longer than anyone lives. Honest ones read 300 characters a
 * millisecond and more, where this asks for 20; a node stands still meanwhile.
 */
const LEAST_READ_MS = 2000
const LEAST_PER_MS = 20

/** Tokens of a text that is being generated, turned to text as they come. */
interface TextStream {
  /** The characters that became complete with this token: often a word, sometimes nothing. */
  push(token: number): string
  /** What is left at the end, with the replacement character for bytes that stayed incomplete. */
  end(): string
}

export interface EncodeOptions {
  readonly addSpecialTokens: boolean
}

export interface Tokenizer {
  readonly vocabSize: number
  /** The token that ends a document, and begins one, where the files name it. */
  readonly endOfText: number | undefined
  /** Tokens that end what the model writes: of chat models several. */
  readonly stopTokens: readonly number[]
  /**
   * Adds what the tokenizer itself puts around a text, if anything, unless told otherwise. Throws `unsupported-model` where it
   * comes to no end.
   */
  encode(text: string, options?: EncodeOptions): number[]
  /** Special tokens are left out. */
  decode(tokens: readonly number[]): string
  stream(): TextStream
}

const TOKENIZER_FILE = 'tokenizer.json'
const CONFIG_FILE = 'tokenizer_config.json'
/** Where `eos_token_id` stands, the file first that Transformers goes by. */
const STOP_FILES = ['generation_config.json', 'config.json']

/** Opens a directory's tokenizer.json, and what its other files say of tokens. Throws `EngineError` (`bad-file`). */
export async function openTokenizer(directory: string): Promise<Tokenizer> {
  const files = new Map<string, Uint8Array>()
  for (const name of [TOKENIZER_FILE, CONFIG_FILE, ...STOP_FILES]) {
    try {
      files.set(name, await readFile(join(directory, name)))
    } catch (cause) {
      // Not every tokenizer has a config.
      if (name !== TOKENIZER_FILE) continue
      throw new EngineError('bad-file', `${name} cannot be read in ${directory}`, { cause })
    }
  }
  return tokenizerFrom(files)
}

/** The same from the files' contents, by name. Throws `EngineError` (`bad-file`). */
export function tokenizerFrom(files: ReadonlyMap<string, Uint8Array>): Tokenizer {
  const json = parseJson(files, TOKENIZER_FILE)
  if (json === undefined) throw new EngineError('bad-file', `there is no ${TOKENIZER_FILE}`)
  if (JSON.stringify(json['decoder'] ?? null).includes('"Regex"')) {
    throw new EngineError('bad-file', `${TOKENIZER_FILE}: decoder: patterns are not supported`)
  }
  const config = parseJson(files, CONFIG_FILE) ?? {}
  const ends = eosTokens(files)
  try {
    return wrap(new HuggingFaceTokenizer(json, config), config, ends)
  } catch (cause) {
    throw new EngineError('bad-file', `${TOKENIZER_FILE} cannot be used: ${cause}`, { cause })
  }
}

function parseJson(
  files: ReadonlyMap<string, Uint8Array>,
  name: string,
): Record<string, unknown> | undefined {
  const bytes = files.get(name)
  if (bytes === undefined) return undefined
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>
  } catch (cause) {
    throw new EngineError('bad-file', `${name} is no JSON`, { cause })
  }
  throw new EngineError('bad-file', `${name} holds no JSON object`)
}

const EosTokens = z
  .number()
  .int()
  .transform((token) => [token])
  .or(z.array(z.number().int()))
  .nullish()

/** What the first file says that says something. Throws `EngineError` (`bad-file`). */
function eosTokens(files: ReadonlyMap<string, Uint8Array>): readonly number[] {
  for (const name of STOP_FILES) {
    const parsed = EosTokens.safeParse(parseJson(files, name)?.['eos_token_id'])
    if (!parsed.success) {
      throw new EngineError('bad-file', `${name}: eos_token_id is no token, nor a list of tokens`)
    }
    if (parsed.data) return parsed.data
  }
  return []
}

function wrap(
  inner: HuggingFaceTokenizer,
  config: Record<string, unknown>,
  ends: readonly number[],
): Tokenizer {
  const decode = (tokens: readonly number[]): string =>
    // The library refuses to decode nothing.
    tokens.length === 0
      ? ''
      : inner.decode([...tokens], {
          skip_special_tokens: true,
          clean_up_tokenization_spaces: false,
        })
  const named = specialToken(inner, config['eos_token'])
  const stopTokens = [...new Set([...(named === undefined ? [] : [named]), ...ends])]
  return {
    vocabSize: highestId(inner.get_vocab(true).values()) + 1,
    endOfText: stopTokens[0],
    stopTokens,
    encode: (text, { addSpecialTokens } = { addSpecialTokens: true }) =>
      text === '' ? [] : read(inner, text, addSpecialTokens),
    decode,
    stream: () => textStream(decode),
  }
}

function read(inner: HuggingFaceTokenizer, text: string, addSpecialTokens: boolean): number[] {
  const waitMs = LEAST_READ_MS + text.length / LEAST_PER_MS
  const options = { add_special_tokens: addSpecialTokens }
  const encoded = endingWithin(waitMs, () => inner.encode(text, options).ids)
  if (encoded) return encoded.result
  const took = `${text.length} characters took more than ${Math.round(waitMs)} ms`
  throw new EngineError('unsupported-model', `${TOKENIZER_FILE} cannot be used: ${took}`)
}

/** Looked for one by one: as arguments of one call, the 151,646 tokens of Qwen 2 do not fit on the stack. */
function highestId(ids: Iterable<number>): number {
  let highest = -1
  for (const id of ids) highest = Math.max(highest, id)
  return highest
}

/** Configs name a special token by its text, older ones by an object with it. */
function specialToken(inner: HuggingFaceTokenizer, entry: unknown): number | undefined {
  const content =
    typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'content') : entry
  return typeof content === 'string' ? inner.token_to_id(content) : undefined
}

/**
 * Decodes the newest tokens together with those before them, and gives what the new ones added: some decoders treat the first
 * token of a text differently, so tokens cannot be decoded one by one. Of broken bytes only the last may still become a
 * character, and they are one replacement character at the end.
 */
function textStream(decode: (tokens: readonly number[]) => string): TextStream {
  let before: number[] = []
  let waiting: number[] = []
  /** Of the text of all these tokens. */
  let given = 0
  const text = (): string => decode([...before, ...waiting])
  const give = (whole: string, end: number): string => {
    const added = whole.slice(given, end)
    // What is no text, as special tokens are, would be followed by the beginning of one.
    if (added !== '' || end < whole.length) before = waiting
    else if (decode(before) === '') before = [...before, ...waiting].slice(-TOKENS_BEFORE)
    waiting = []
    given = text().length - (whole.length - end)
    return added
  }
  return {
    push(token) {
      waiting.push(token)
      const whole = text()
      if (!whole.endsWith(REPLACEMENT)) return give(whole, whole.length)
      return waiting.length < MAX_TOKENS_OF_A_CHARACTER ? '' : give(whole, whole.length - 1)
    },
    end: () => text().slice(given),
  }
}
