/**
 * Whether shares say whose data made the difference. The shipped model is fine-tuned on sixteen packages' documentation, and
 * again and again on halves of the examples; what each text then loses is compared with what the scores of the examples left
 * out foretell: the linear datamodeling score (Park et al. 2023), a rank correlation over the halves, in the mean over texts.
 */
import { cutExamples, type Example } from '../../protocol/datanet.ts'
import type { Address } from '../../protocol/fields.ts'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { permutation, random } from '../../protocol/prng.ts'
import { fitCurvature, toRow, toRows } from '../../worker/attribution/curvature.ts'
import { rowsOf } from '../../worker/attribution/influence.ts'
import { createEngine, type Model } from '../../worker/engine/engine.ts'
import { openTokenizer } from '../../worker/engine/files/tokenizer.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import type { Figure } from '../figure.ts'
import { ekfac } from './peer.ts'
import { bm25, dataInf, dotProducts, type Gradients, type Scores } from './peers.ts'
import {
  asPublished,
  documentation,
  EXAMPLE_TOKENS,
  featuresOf,
  LORA,
  lossesOf,
  type Query,
  trained,
} from './trial-run.ts'

const CONTRIBUTORS = 16
const EXAMPLES_EACH = 16
const ANSWERS = 48
const PROMPT_TOKENS = 32
const ANSWER_TOKENS = 48
const HALVES = 48
/** Halves that are trained on in another order, too, from other first weights. */
const TWICE = 12
const SEED = keccak(utf8('retraining'))
const OTHER_SEED = keccak(utf8('retraining in another order'))
const SAMPLER = { temperature: 0.8, topK: 40 }

/** What is asked, and in which words it is told of. */
interface Asked {
  readonly what: string
  readonly queries: readonly Query[]
  readonly bar?: { readonly atLeast: number }
}

export async function* retraining(say: (line: string) => void): AsyncIterable<Figure> {
  await using engine = createEngine({ threads: 2 })
  const model = await engine.open(SHIPPED_MODEL, LORA)
  const texts = (await documentation(4 * CONTRIBUTORS)).filter((_, i) => i % 4 === 0)
  const tokenizer = await openTokenizer(SHIPPED_MODEL)
  const tokens = texts.map((text) => tokenizer.encode(text))
  const owners = tokens.map((_, text) => `0x${text.toString(16).padStart(40, '0')}` as Address)
  const spec = { exampleTokens: EXAMPLE_TOKENS, maxExamples: CONTRIBUTORS * EXAMPLES_EACH }
  const all = cutExamples(tokens, owners, spec, SEED)
  const examples = all.filter(({ heldOut }) => !heldOut)
  const theta = await trained(model, examples, SEED)
  const unseen = all.filter(({ heldOut }) => heldOut)
  const asked: Asked[] = [
    {
      what: 'texts that were held out',
      queries: unseen.map((one) => ({ prompt: [], answer: one.tokens })),
      bar: { atLeast: 0.45 },
    },
    { what: 'answers', queries: await answersOf(model, theta, tokens) },
  ]
  const queries = asked.flatMap((one) => one.queries)
  const halves = Array.from({ length: HALVES }, (_, half) => halfOf(examples.length, half))
  const losses = await lossesWithout(model, examples, halves, queries, SEED, say)
  say('other orders …')
  const again = await lossesWithout(
    model,
    examples,
    halves.slice(0, TWICE),
    queries,
    OTHER_SEED,
    say,
  )
  const methods = await scored(model, theta, examples, queries, say)
  let first = 0
  for (const { what, queries: own, bar } of asked) {
    const range = own.map((_, i) => first + i)
    first += own.length
    const foretold = new Map(
      [...methods].map(([method, scores]) => [method, foretelling(scores, range, halves, losses)]),
    )
    yield* figuresOf(what, foretold, bar, agreement(range, losses, again))
  }
}

const OURS = 'ours'
const EK_FAC = 'EK-FAC (kronfluence, 578 KB an example)'

function* figuresOf(
  what: string,
  foretold: ReadonlyMap<string, number>,
  bar: Asked['bar'],
  ceiling: number,
): Iterable<Figure> {
  const others = [...foretold].filter(([method]) => method !== OURS)
  const told = others.map(([method, value]) => `${method} ${value.toFixed(3)}`).join(', ')
  yield {
    name: `${what}: foretold by shares`,
    ...{ value: foretold.get(OURS)!, unit: 'LDS' },
    ...(bar && { bar }),
    note: `${HALVES} halves; ${told}; two orders of one half agree to ${ceiling.toFixed(3)}`,
  }
  const exact = foretold.get(EK_FAC)
  yield {
    name: `${what}: against EK-FAC, which keeps all`,
    value: exact === undefined ? undefined : foretold.get(OURS)! / exact,
    unit: 'x',
    note: exact === undefined ? 'no Python with kronfluence: see bench/attribution/peer.py' : '',
  }
}

/** Answers of the adapter to beginnings that are cut from the texts. */
async function answersOf(
  model: Model,
  adapter: Float32Array,
  texts: readonly (readonly number[])[],
): Promise<Query[]> {
  const source = random(SEED, 'prompts')
  const answers: Query[] = []
  for (let number = 0; number < ANSWERS; number++) {
    const text = texts[number % texts.length]!
    const from = source.below(text.length - PROMPT_TOKENS)
    const prompt = text.slice(from, from + PROMPT_TOKENS)
    const seed = keccak(utf8(`answer ${number}`))
    const request = { adapter, prompt, maxTokens: ANSWER_TOKENS, seed, sampler: SAMPLER }
    const { tokens } = await model.generate({ ...request, stopTokens: [] })
    answers.push({ prompt, answer: tokens })
  }
  return answers
}

/** The examples that a half leaves out. */
function halfOf(examples: number, half: number): ReadonlySet<number> {
  const order = permutation(examples, random(SEED, `half ${half}`))
  return new Set(order.subarray(0, Math.floor(examples / 2)))
}

/** Of each half, the losses of all queries without it. */
async function lossesWithout(
  model: Model,
  examples: readonly Example[],
  halves: readonly ReadonlySet<number>[],
  queries: readonly Query[],
  seed: Uint8Array,
  say: (line: string) => void,
): Promise<Float32Array[]> {
  const losses: Float32Array[] = []
  for (const [number, leftOut] of halves.entries()) {
    if (number % 4 === 0) say(`trained without ${number} of ${halves.length} halves …`)
    const theta = await trained(model, examples, seed, (example) => leftOut.has(example))
    losses.push(await lossesOf(model, theta, queries))
  }
  return losses
}

/** Scores of all examples for all queries, by each method. */
async function scored(
  model: Model,
  theta: Float32Array,
  examples: readonly Example[],
  queries: readonly Query[],
  say: (line: string) => void,
): Promise<Map<string, Scores>> {
  const pieces = examples.map(({ tokens }) => ({ prompt: [], answer: tokens }))
  const own = await featuresOf(model, theta, pieces, SEED)
  const asked = await featuresOf(model, theta, queries, SEED)
  const features = asPublished(model, own)
  const curvature = fitCurvature(
    features,
    examples.map(() => true),
  )
  const rows = rowsOf(toRows(curvature, features), curvature.width)
  const raw: Gradients = { examples: own, queries: asked }
  const methods = new Map<string, Scores>([
    [OURS, dotProducts({ examples: rows, queries: asked.map((one) => toRow(curvature, one)) })],
    ['plain products of gradients', dotProducts(raw)],
    ['DataInf', dataInf(raw, features.shape)],
    ['BM25', bm25(pieces, queries)],
  ])
  say('EK-FAC …')
  const exact = await ekfac(model, theta, pieces, queries)
  return exact ? methods.set(EK_FAC, exact) : methods
}

/** Linear datamodeling score: the mean rank correlation, over halves, of what a query loses and what was foretold. */
function foretelling(
  scores: Scores,
  queries: readonly number[],
  halves: readonly ReadonlySet<number>[],
  losses: readonly Float32Array[],
): number {
  return mean(
    queries.map((query) => {
      const lost = halves.map((half) =>
        [...half].reduce((sum, one) => sum + scores[query]![one]!, 0),
      )
      return rankCorrelation(
        lost,
        losses.map((of) => of[query]!),
      )
    }),
  )
}

/** How well two orders of training agree about the same halves: no method can foretell much more of one. */
function agreement(
  queries: readonly number[],
  losses: readonly Float32Array[],
  again: readonly Float32Array[],
): number {
  const of = (all: readonly Float32Array[], query: number): number[] =>
    all.slice(0, again.length).map((one) => one[query]!)
  return mean(queries.map((query) => rankCorrelation(of(losses, query), of(again, query))))
}

/** Spearman's. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)]
  const middle = (a.length - 1) / 2
  const product = (u: readonly number[], v: readonly number[]): number =>
    u.reduce((sum, rank, i) => sum + (rank - middle) * (v[i]! - middle), 0)
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y))
}

function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]!)
  const places: number[] = new Array(values.length)
  for (const [rank, place] of order.entries()) places[place] = rank
  return places
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
