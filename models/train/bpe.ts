/** Learns a byte-level BPE vocabulary (as GPT-2's) and writes it as a Hugging Face tokenizer.json. */

/** GPT-2's rule for parting text into words, inside which alone bytes are merged. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

const END_OF_TEXT = '<|endoftext|>'

export interface Bpe {
  /** Tokens in the order of their ids; the first is END_OF_TEXT. */
  readonly vocabulary: string[]
  readonly merges: [string, string][]
}

interface Word {
  readonly count: number
  parts: string[]
}

/** The most frequent pair is merged until there are `vocabSize` tokens; the earlier pair in code-unit order wins a tie. */
export function learnBpe(
  texts: Iterable<string>,
  vocabSize: number,
  onProgress: (tokens: number) => void,
): Bpe {
  const letters = byteLetters()
  const words = countWords(texts, letters)
  const vocabulary = [END_OF_TEXT, ...letters]
  const merges: [string, string][] = []
  const pairs = new Pairs(words)
  while (vocabulary.length < vocabSize) {
    const best = pairs.top()
    if (best === undefined) break
    merges.push(best)
    vocabulary.push(best[0] + best[1])
    pairs.merge(best)
    if (vocabulary.length % 256 === 0) onProgress(vocabulary.length)
  }
  return { vocabulary, merges }
}

/** GPT-2's printable stand-ins for the 256 bytes, by byte. */
function byteLetters(): string[] {
  let stand = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCharCode(printable ? byte : stand++)
  })
}

function countWords(texts: Iterable<string>, letters: readonly string[]): Word[] {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of text.match(WORDS) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  const encoder = new TextEncoder()
  return [...counts].map(([word, count]) => ({
    count,
    parts: Array.from(encoder.encode(word), (byte) => letters[byte]!),
  }))
}

/** How often each pair of neighbours occurs, and in which words. */
class Pairs {
  readonly #counts = new Map<string, number>()
  readonly #places = new Map<string, Set<Word>>()

  constructor(words: readonly Word[]) {
    for (const word of words) this.#add(word, 1)
  }

  top(): [string, string] | undefined {
    let best: string | undefined
    let bestCount = 1
    for (const [pair, count] of this.#counts) {
      if (count > bestCount || (count === bestCount && best !== undefined && pair < best)) {
        best = pair
        bestCount = count
      }
    }
    return best?.split(' ') as [string, string] | undefined
  }

  merge([left, right]: [string, string]): void {
    const pair = `${left} ${right}`
    for (const word of [...(this.#places.get(pair) ?? [])]) {
      this.#add(word, -1)
      const merged: string[] = []
      for (let i = 0; i < word.parts.length; i++) {
        const joins = word.parts[i] === left && word.parts[i + 1] === right
        merged.push(joins ? left + right : word.parts[i]!)
        if (joins) i++
      }
      word.parts = merged
      this.#add(word, 1)
    }
    this.#counts.delete(pair)
    this.#places.delete(pair)
  }

  #add(word: Word, sign: 1 | -1): void {
    for (let i = 0; i + 1 < word.parts.length; i++) {
      const pair = `${word.parts[i]} ${word.parts[i + 1]}`
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + sign * word.count)
      if (sign < 0) this.#places.get(pair)?.delete(word)
      else this.#places.set(pair, (this.#places.get(pair) ?? new Set()).add(word))
    }
  }
}

/** tokenizer.json, as the Rust library and its ports read it. */
export function tokenizerJson(bpe: Bpe): unknown {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  }
  const special = {
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ id: 0, content: END_OF_TEXT, ...special }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(bpe.vocabulary.map((token, id) => [token, id])),
      merges: bpe.merges,
    },
  }
}

/** tokenizer_config.json beside it. */
export function tokenizerConfig(contextTokens: number): unknown {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: contextTokens,
    bos_token: END_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
    clean_up_tokenization_spaces: false,
  }
}
