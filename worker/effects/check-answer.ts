/**
 * Checks an answer. One teacher-forced pass over prompt and answer gives the logits from which each token should have
 * been drawn, with the noise that the job fixed; the sketch binds base, adapter and precision; query, scores and spans
 * are worked out again and must be equal.
 */
import { setImmediate } from 'node:timers/promises'
import { Answer, Prompt } from '../../protocol/answer.ts'
import type { Claim } from '../../protocol/claim.ts'
import {
  answerCommitment,
  isInside,
  margin,
  sketch,
  sketchDifference,
  tokensHonest,
} from '../../protocol/commitment.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import { fromHex, keccakHash, utf8 } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { NOTHING_SEEN, NOWHERE, type Seen } from '../../protocol/opening.ts'
import { draw } from '../../protocol/sampling.ts'
import { checkAnswer as checkAttribution } from '../attribution/check.ts'
import { boundsOf } from '../engine/families/model-config.ts'
import type { ModelInfo, Prefilled } from '../engine/requests.ts'
import type { ContentStore } from '../storage/content.ts'
import {
  answerFeature,
  endsAnswer,
  isShapedByNobody,
  promptTokens,
  speaker,
  writtenText,
} from './answering.ts'
import { excuse, type Finding, fail, pass } from './finding.ts'
import type { Base, Knowledge, KnownAdapter } from './knowledge.ts'
import { isLikelihood } from './log-probabilities.ts'

export async function checkAnswer(
  knowledge: Knowledge,
  content: ContentStore,
  job: Job,
  claim: Claim,
  signal: AbortSignal,
): Promise<Finding> {
  const answer = await content.get(Answer, claim.output, { signal })
  const prompt = await content.get(Prompt, job.input, { signal })
  const { base, known } = await speaker(knowledge, job, signal)
  const formal = checkForm(base, job, prompt, answer, claim)
  if (formal) return formal
  return excuse(base, await repeat(base, known, prompt, answer, claim, signal))
}

/** The part that runs the model again. */
async function repeat(
  base: Base,
  known: KnownAdapter | undefined,
  prompt: Prompt,
  answer: Answer,
  claim: Claim,
  signal: AbortSignal,
): Promise<Finding> {
  const tokens = promptTokens(base, prompt)
  const read = await base.model.prefill(
    {
      adapter: known?.reference,
      tokens: [...tokens, ...answer.tokens.slice(0, -1)],
      from: tokens.length - 1,
    },
    { signal },
  )
  const drawn = await checkTokens(base, read, prompt, answer, claim, signal)
  if (drawn) return drawn
  const seen = seenIn(base.model.info, read.hidden)
  if (!known) return pass(answer.tokens.length, seen)
  const feature = await answerFeature(known, tokens, answer.tokens, { signal })
  const found = checkAttribution(answer, feature, known.source)
  if (found.ok) return pass(answer.tokens.length, seen)
  return fail(found.fault === 'spans' ? 'spans-differ' : 'scores-differ', answer.tokens.length)
}

/** What needs no model: the claim's roots, the units, the text, and why the answer ended. */
function checkForm(
  base: Base,
  job: Job,
  prompt: Prompt,
  answer: Answer,
  claim: Claim,
): Finding | undefined {
  const { tokens, text, stop, sketches, logProbabilities } = answer
  const limit = Math.min(prompt.maxTokens, job.maxUnits)
  if (claim.graph !== base.model.info.graphHash) return fail('wrong-graph')
  if (tokens.length === 0 || tokens.length > limit) return fail('wrong-units')
  if (claim.units !== tokens.length) return fail('wrong-units')
  if (tokens.some((token) => token >= base.model.info.vocabSize)) return fail('output-malformed')
  const asked = prompt.logProbabilities === null ? 0 : tokens.length
  if (logProbabilities.length !== asked) return fail('output-malformed')
  if (claim.commitment !== answerCommitment(tokens, sketches)) return fail('wrong-commitment')
  if (claim.attribution !== attributionRoot(answer)) return fail('wrong-commitment')
  if (job.adapter === '' && !isShapedByNobody(answer)) return fail('scores-differ')
  const written = writtenText(base, tokens, prompt.stop)
  const { stoppedAfter = tokens.length } = written
  if (text !== written.text || stoppedAfter < tokens.length) return fail('output-malformed')
  const stops = base.tokenizer.stopTokens
  const early = tokens.slice(0, -1).some((token) => stops.includes(token))
  const stopped = stops.includes(tokens.at(-1)!)
  const context = base.model.info.contextTokens
  const used = promptTokens(base, prompt).length + tokens.length
  const full = tokens.length === limit ? 'length' : 'context'
  const byModel = stopped ? 'stop-token' : full
  const expected = written.stoppedAfter === undefined ? byModel : 'stop-string'
  if (early || stop !== expected) return fail('output-malformed')
  // The last token is never read: a text that ends with the context has one more.
  return stop === 'context' && used <= context ? fail('output-malformed') : undefined
}

async function checkTokens(
  base: Base,
  { logits, hidden }: Prefilled,
  prompt: Prompt,
  { tokens, sketches, logProbabilities }: Answer,
  { jobId }: Claim,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const seed = fromHex(jobId)
  const { vocabSize, config } = base.model.info
  const bounds = boundsOf(config)
  const rowAt = (index: number) => logits.subarray(index * vocabSize, (index + 1) * vocabSize)
  const margins: number[] = []
  let areLikely = true
  for (const [index, token] of tokens.entries()) {
    // Noise for a thousand tokens takes milliseconds, and there may be thousands of places: others have their turn between.
    await setImmediate(undefined, { signal })
    const row = rowAt(index)
    margins.push(margin(row, token, seed, index, prompt, bounds))
    const told = logProbabilities[index]
    if (told) areLikely &&= isLikelihood(told, row, token, prompt.logProbabilities!, bounds)
  }
  const drawn = (index: number) => draw(rowAt(index), seed, index, prompt)
  const isHonest =
    tokensHonest(margins, bounds) && !outsideEnds(base, prompt, tokens, margins, drawn)
  if (!isHonest) return fail('tokens-differ', tokens.length)
  const difference = sketchDifference(sketches, sketch(hidden, config.width, seed))
  if (difference > bounds.sketchUnits) return fail('states-differ', tokens.length)
  return areLikely ? undefined : fail('log-probabilities-differ', tokens.length)
}

/**
 * True where a token outside the margin ends the answer, or stands where the drawn one would have ended it. A few tokens may
 * lie outside, but the length of an answer is what is paid for.
 * @param drawn The token that this run draws at a place
 */
function outsideEnds(
  base: Base,
  { stop }: Prompt,
  tokens: readonly number[],
  margins: readonly number[],
  drawn: (index: number) => number,
): boolean {
  return tokens.some((token, index) => {
    if (isInside(margins[index]!, boundsOf(base.model.info.config))) return false
    const before = tokens.slice(0, index)
    return [token, drawn(index)].some((last) => endsAnswer(base, [...before, last], stop))
  })
}

/**
 * What a run shows: the last hidden state follows from all of the text, and of its bits nothing is published. Where it is this
 * machine that is not exact, its bits would look made up, so it shows none; where it is the model, or a number that is none and
 * has many forms, nobody is accused of having others.
 * @param hidden (tokens, width)
 */
export function seenIn(
  { exact, config }: Pick<ModelInfo, 'exact' | 'config'>,
  hidden: Float32Array,
): Seen {
  if (!exact && config.packing === undefined) return NOTHING_SEEN
  const last = hidden.subarray(-config.width)
  const bits = new Uint8Array(last.buffer, last.byteOffset, last.byteLength)
  const isSure = exact && last.every(Number.isFinite)
  return { transcript: keccakHash(utf8('hidden state'), bits), place: NOWHERE, isSure }
}
