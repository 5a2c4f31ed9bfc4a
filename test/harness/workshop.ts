/**
 * A worker's and a validator's bench without a network: the shipped base model, a small datanet of made-up prose, and a
 * fine-tune of a few steps on it, all over one map of content.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from '../../coordinator-free/events.ts'
import { Adapter } from '../../protocol/adapter.ts'
import { Answer, Prompt } from '../../protocol/answer.ts'
import type { Claim } from '../../protocol/claim.ts'
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { random } from '../../protocol/prng.ts'
import { FineTuneSpec, unitsOf } from '../../protocol/tuning.ts'
import { publishVersion } from '../../worker/datanet/publish.ts'
import { executeAnswer } from '../../worker/effects/answer.ts'
import { Knowledge } from '../../worker/effects/knowledge.ts'
import { executeTune } from '../../worker/effects/tune.ts'
import { createEngine, type Engine } from '../../worker/engine/engine.ts'
import { modelFiles } from '../../worker/engine/files/base-model.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import { createLogger } from '../../worker/telemetry/logger.ts'
import { removeFolder, testFolder } from './folders.ts'
import { MemoryContent } from './memory-content.ts'
import { hashNumber, jobNumber, keyNumber, NOW_MS } from './messages.ts'

/** Small enough for seconds, large enough for two segments and a few held-out examples. */
const SPEC: Omit<FineTuneSpec, 'datanet'> = {
  lora: { rank: 4, alpha: 8, targets: ['q', 'v', 'down'] },
  optimiser: {
    learningRate: 0.01,
    schedule: 'cosine',
    warmupSteps: 1,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-6,
    weightDecay: 0,
  },
  dropout: 0.1,
  exampleTokens: 24,
  batchExamples: 4,
  steps: 4,
  runSteps: 4,
  segmentSteps: 2,
  // All held-out losses are measured, but two segments are too few to end early.
  patience: 2,
  maxExamples: 48,
}

export const TUNE_ID = hashNumber(1)
export const ANSWER_ID = hashNumber(2)
export const SEED = hashNumber(3)
const signal = new AbortController().signal
const ROOM = { mostBytes: 2 ** 40, log: createLogger('silent') }
const idle = { signal, onProgress: () => {} }

export class Workshop {
  readonly folder = testFolder('workshop')
  readonly content = new MemoryContent()
  readonly engine: Engine = createEngine({ threads: 1 })
  readonly knowledge = new Knowledge(this.content, this.engine, this.folder, ROOM)
  model = '' as Cid
  datanet = '' as Cid
  tuneJob!: Job
  tuned!: Result
  answerJob!: Job
  answered!: Result

  /** @param texts one contribution each */
  static async open(
    texts: readonly string[] = PROSE,
    changed: Partial<FineTuneSpec> = {},
  ): Promise<Workshop> {
    const shop = new Workshop()
    shop.model = await shop.putModel(SHIPPED_MODEL)
    shop.datanet = await shop.#publish(texts)
    const spec = { ...SPEC, ...changed, datanet: shop.datanet }
    const input = await shop.content.put(FineTuneSpec, spec)
    const order = { model: shop.model, input, maxUnits: unitsOf(spec, spec.steps) }
    shop.tuneJob = jobNumber(1, 10, { ...order, task: 'fine-tune', adapter: '' })
    shop.tuned = await executeTune(shop.knowledge, shop.content, TUNE_ID, shop.tuneJob, SEED, idle)
    shop.answerJob = await shop.question('The river carries', shop.tuned.output)
    shop.answered = await shop.answer(shop.answerJob)
    return shop
  }

  async putModel(folder: string): Promise<Cid> {
    const names = await modelFiles(folder)
    const files = names.map((name) => ({ name, content: readFileSync(join(folder, name)) }))
    return this.content.putFiles(files)
  }

  async question(text: string, adapter: Cid | '', asked: Partial<Prompt> = {}): Promise<Job> {
    const prompt = {
      ...{ text, addSpecialTokens: true, temperature: 0.8, topK: 40 },
      ...{ maxTokens: 24, stop: [], logProbabilities: null },
      ...asked,
    }
    const { maxTokens } = prompt
    const input = await this.content.put(Prompt, prompt)
    return jobNumber(2, 10, { model: this.model, adapter, input, maxUnits: maxTokens })
  }

  answer(job: Job, useAdapter = true): Promise<Result> {
    const hooks = { ...idle, onText: () => {}, useAdapter }
    return executeAnswer(this.knowledge, this.content, ANSWER_ID, job, hooks)
  }

  /** The claim that a worker would sign for a result. */
  claim(jobId: Hash, result: Result): Claim {
    return { ...result, jobId, worker: keyNumber(1).address, issuedAtMs: NOW_MS }
  }

  async adapter(): Promise<Adapter> {
    return this.content.get(Adapter, this.tuned.output, { signal })
  }

  async reply(result = this.answered): Promise<Answer> {
    return this.content.get(Answer, result.output, { signal })
  }

  async close(): Promise<void> {
    await this.engine[Symbol.asyncDispose]()
    removeFolder(this.folder)
  }

  async #publish(texts: readonly string[]): Promise<Cid> {
    const contributions = texts.map((text, number) => ({
      contributor: keyNumber(100 + number).address,
      name: `text ${number}`,
      licence: 'CC0-1.0',
      text,
    }))
    const { block, shards } = publishVersion('prose', contributions)
    for (const held of [...shards, block]) await this.content.keep(held)
    return block.cid
  }
}

const WORDS =
  'the a river node worker stream of to and carries pays writes reads package function returns when data '.split(
    ' ',
  )

/** Some 220 words that follow from a number. */
function prose(number: number): string {
  const source = random(Uint8Array.of(number), 'prose')
  return Array.from({ length: 220 }, (_, place) => {
    const word = WORDS[source.below(WORDS.length)] || 'it'
    return place % 11 === 10 ? `${word}.` : word
  }).join(' ')
}

const PROSE = Array.from({ length: 6 }, (_, number) => prose(number))
