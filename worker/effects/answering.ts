/**
 * The parts of an answer that worker and validator both work out: the worker to hand them in, the validator to compare.
 */
import type { Answer, Prompt } from '../../protocol/answer.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import { fromHex } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { toRow } from '../attribution/curvature.ts'
import { attributeAnswer } from '../attribution/influence.ts'
import { citedSpans } from '../attribution/provenance.ts'
import type { CallOptions } from '../engine/engine.ts'
import { EngineError } from '../engine/errors.ts'
import { stoppingText } from '../engine/serving/stop-strings.ts'
import type { Base, Knowledge, KnownAdapter } from './knowledge.ts'

/** What an answer of the bare base model says about contributors: there are none. */
export const SHAPED_BY_NOBODY: Pick<Answer, 'query' | 'attribution' | 'spans'> = {
  query: new Uint8Array(),
  attribution: { shares: [], decoys: 0, decoySquares: '0' },
  spans: [],
}

export function isShapedByNobody(answer: Answer): boolean {
  return attributionRoot(answer) === attributionRoot({ ...answer, ...SHAPED_BY_NOBODY })
}

/** Who answers: the adapter that the job names, or its bare base model. */
interface Speaker {
  readonly base: Base
  readonly known: KnownAdapter | undefined
}

/** @throws EngineError `bad-input` where the job names another base model than its adapter's */
export async function speaker(
  knowledge: Pick<Knowledge, 'adapter' | 'base'>,
  { model, adapter }: Pick<Job, 'model' | 'adapter'>,
  signal: AbortSignal,
): Promise<Speaker> {
  if (adapter === '') {
    return { base: await knowledge.base(model, undefined, signal), known: undefined }
  }
  const known = await knowledge.adapter(adapter, signal)
  if (known.document.base === model) return { base: known, known }
  const reason = `adapter ${adapter} is of the base model ${known.document.base}, not of ${model}`
  throw new EngineError('bad-input', `The question cannot be answered: ${reason}.`)
}

/** The gradient features of an answer: those of the mean log-likelihood of its tokens, given the prompt. */
export async function answerFeature(
  { model, theta, document, source }: KnownAdapter,
  prompt: readonly number[],
  tokens: readonly number[],
  { signal }: CallOptions,
): Promise<Float32Array> {
  const example = Int32Array.from([...prompt, ...tokens])
  const weights = new Float32Array(example.length).fill(1 / tokens.length, prompt.length)
  const request = {
    adapter: theta,
    examples: [example],
    weights: [weights],
    projectionSeed: fromHex(document.seed),
    width: source.index.curvature.shape.columns,
  }
  const { features } = await model.features(request, { signal })
  return features
}

/** Whose data shaped an answer, and what it says word for word as the datanet does. */
export function attribution(
  { source }: KnownAdapter,
  tokens: readonly number[],
  feature: Float32Array,
): Pick<Answer, 'query' | 'attribution' | 'spans'> {
  const query = toRow(source.index.curvature, feature)
  return {
    query: new Uint8Array(query.buffer, query.byteOffset, query.length),
    attribution: attributeAnswer(source.index, query),
    spans: citedSpans(source.spanIndex, source.contributions, tokens),
  }
}

/** Tokens of a prompt; an empty text still gives the model something to begin with. */
export function promptTokens(
  { tokenizer }: Base,
  { text, addSpecialTokens }: Pick<Prompt, 'text' | 'addSpecialTokens'>,
): number[] {
  const tokens = tokenizer.encode(text, { addSpecialTokens })
  return tokens.length > 0 ? tokens : [tokenizer.endOfText ?? 0]
}

/** The text that tokens make, and after how many of them it ends at a stop string. */
export interface Written {
  readonly text: string
  readonly stoppedAfter: number | undefined
}

/** The text of an answer: worker and validator must cut it at the same place. */
export function writtenText(
  { tokenizer }: Base,
  tokens: readonly number[],
  stops: readonly string[],
): Written {
  if (stops.length === 0) return { text: tokenizer.decode(tokens), stoppedAfter: undefined }
  const stopping = stoppingText(stops)
  const stream = tokenizer.stream()
  let text = ''
  for (const [index, token] of tokens.entries()) {
    text += stopping.push(stream.push(token))
    if (stopping.found !== undefined) return { text, stoppedAfter: index + 1 }
  }
  // What is left are broken characters: no caller can have meant them.
  return { text: text + stopping.push(stream.end()) + stopping.end(), stoppedAfter: undefined }
}

/** Whether the last of the tokens ends the text: a stop token, or one that completes a stop string. */
export function endsAnswer(
  base: Base,
  tokens: readonly number[],
  stops: readonly string[],
): boolean {
  if (base.tokenizer.stopTokens.includes(tokens.at(-1)!)) return true
  return writtenText(base, tokens, stops).stoppedAfter === tokens.length
}
