/**
 * Makes the corpus: cleans the documents, learns the tokenizer, writes the tokens of both parts.
 * node_modules/.bin/node models/train/corpus.ts --data DIR --out DIR
 * DIR of `--data` holds peps.jsonl.gz and eips.jsonl.gz, a JSON object {id, title, text} on each line.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Tokenizer } from '@huggingface/tokenizers'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { learnBpe, tokenizerConfig, tokenizerJson } from './bpe.ts'
import { cleanDocument } from './clean.ts'

const FILES = ['peps.jsonl.gz', 'eips.jsonl.gz']
const VOCAB_SIZE = 4096
const CONTEXT_TOKENS = 512
/** Documents whose hash begins with a byte below this are held out: 5 of 256, about 2 %. */
const HELD_OUT_BELOW = 5
/** What is left of a shorter document after cleaning is a stub. */
const MIN_CHARACTERS = 500

interface Document {
  readonly id: string
  readonly text: string
}

const { values } = parseArgs({ options: { data: { type: 'string' }, out: { type: 'string' } } })
const data = values.data ?? fail('--data DIR is missing')
const out = values.out ?? fail('--out DIR is missing')

const documents = FILES.flatMap((file) => readDocuments(join(data, file)))
const training = documents.filter(({ id }) => !isHeldOut(id))
const heldOut = documents.filter(({ id }) => isHeldOut(id))
say(`${training.length} documents to train on, ${heldOut.length} held out`)

const bpe = learnBpe(
  training.map(({ text }) => text),
  VOCAB_SIZE,
  (tokens) => say(`${tokens} tokens in the vocabulary`),
)
mkdirSync(out, { recursive: true })
writeFileSync(join(out, 'tokenizer.json'), `${JSON.stringify(tokenizerJson(bpe))}\n`)
writeFileSync(
  join(out, 'tokenizer_config.json'),
  `${JSON.stringify(tokenizerConfig(CONTEXT_TOKENS), null, 2)}\n`,
)
const tokenizer = new Tokenizer(
  tokenizerJson(bpe) as object,
  tokenizerConfig(CONTEXT_TOKENS) as object,
)
for (const [name, part] of [
  ['train', training],
  ['held-out', heldOut],
] as const) {
  const tokens = Uint16Array.from(part.flatMap(({ text }) => [0, ...tokenizer.encode(text).ids]))
  writeFileSync(join(out, `${name}.u16`), new Uint8Array(tokens.buffer))
  writeFileSync(join(out, `${name}.txt`), part.map(({ text }) => text).join('\n'))
  const characters = part.reduce((sum, { text }) => sum + text.length, 0)
  say(`${name}: ${characters} characters, ${tokens.length} tokens`)
}

function readDocuments(file: string): Document[] {
  return gunzipSync(readFileSync(file))
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; title: string; text: string })
    .map(({ id, title, text }) => ({ id, text: cleanDocument(title, text) }))
    .filter(({ text }) => text.length >= MIN_CHARACTERS)
}

function isHeldOut(id: string): boolean {
  return keccak(utf8(id))[0]! < HELD_OUT_BELOW
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}
