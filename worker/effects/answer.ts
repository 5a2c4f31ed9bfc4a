/** Executes an inference job: generate with seeded noise, attribute, store, and bring back what the claim commits to. */
import type { Result } from '../../coordinator-free/events.ts'
import { Answer, MAX_ANSWER_TEXT, Prompt } from '../../protocol/answer.ts'
import { answerCommitment, sketch } from '../../protocol/commitment.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import { fromHex, type Hash } from '../../protocol/hash.ts'
import { invariant } from '../../protocol/invariant.ts'
import type { Job } from '../../protocol/job.ts'
import { EngineError } from '../engine/errors.ts'
import { stoppingText } from '../engine/serving/stop-strings.ts'
import type { ContentStore } from '../storage/content.ts'
import {
  answerFeature,
  attribution,
  promptTokens,
  SHAPED_BY_NOBODY,
  speaker,
  writtenText,
} from './answering.ts'
import type { Base, Knowledge, KnownAdapter } from './knowledge.ts'
import { toldProbabilities } from './log-probabilities.ts'

export interface AnswerHooks {
  readonly signal: AbortSignal
  /** Text as it comes. */
  readonly onText: (text: string) => void
  readonly onProgress: (done: number, total: number) => void
  /** False answers with the base model alone: for trying how the network deals with a cheat. */
  readonly useAdapter: boolean
}

export async function executeAnswer(
  knowledge: Knowledge,
  content: ContentStore,
  jobId: Hash,
  job: Job,
  hooks: AnswerHooks,
): Promise<Result> {
  const { signal } = hooks
  const prompt = await content.get(Prompt, job.input, { signal })
  const { base, known } = await speaker(knowledge, job, signal)
  const tokens = promptTokens(base, prompt)
  const generated = await generate(base, known, tokens, jobId, job, prompt, hooks)
  const { text, stoppedAfter } = writtenText(base, generated.tokens, prompt.stop)
  if (text.length > MAX_ANSWER_TEXT) {
    const most = `an answer has ${MAX_ANSWER_TEXT} at the most`
    throw new EngineError('bad-input', `its text has ${text.length} characters; ${most}`)
  }
  const stop = stoppedAfter === undefined ? generated.stop : 'stop-string'
  invariant(stop !== 'caller', 'nobody ends an answer but a stop string, the model and its limits')
  const width = base.model.info.config.width
  const sketches = sketch(generated.hidden, width, fromHex(jobId))
  const shaped = known
    ? attribution(
        known,
        generated.tokens,
        await answerFeature(known, tokens, generated.tokens, { signal }),
      )
    : SHAPED_BY_NOBODY
  const answer: Answer = {
    tokens: generated.tokens,
    text,
    stop,
    sketches,
    ...shaped,
    logProbabilities: toldProbabilities(generated.logProbabilities ?? []),
  }
  return {
    output: await content.put(Answer, answer, 'a-month'),
    commitment: answerCommitment(answer.tokens, sketches),
    attribution: attributionRoot(answer),
    units: answer.tokens.length,
    graph: base.model.info.graphHash,
  }
}

async function generate(
  base: Base,
  known: KnownAdapter | undefined,
  prompt: readonly number[],
  jobId: Hash,
  job: Job,
  { temperature, topK, maxTokens, stop, logProbabilities }: Prompt,
  { signal, onText, onProgress, useAdapter }: AnswerHooks,
) {
  const limit = Math.min(maxTokens, job.maxUnits)
  const stream = base.tokenizer.stream()
  const stopping = stoppingText(stop)
  const request = {
    adapter: useAdapter ? known?.reference : undefined,
    prompt,
    maxTokens: limit,
    seed: fromHex(jobId),
    sampler: { temperature, topK },
    stopTokens: base.tokenizer.stopTokens,
    logProbabilities: logProbabilities ?? undefined,
  }
  const generated = await base.model.generate(request, {
    signal,
    onToken: (token, index) => {
      onText(stopping.push(stream.push(token)))
      onProgress(index + 1, limit)
      return stopping.found !== undefined
    },
  })
  onText(stopping.push(stream.end()) + stopping.end())
  return generated
}
