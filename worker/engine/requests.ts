/** What the engine's thread is asked, and what it answers. All of it crosses the thread's border by structured clone. */
import type { Hash } from '../../protocol/hash.ts'
import type { Sampler } from '../../protocol/sampling.ts'
import type { LoraSpec, Optimiser } from '../../protocol/tuning.ts'
import type { EngineErrorCode } from './errors.ts'
import type { ModelConfig } from './families/model-config.ts'
import type { Dropout } from './graph/dropout.ts'
import type { TrainingState } from './lora.ts'
import type { Provider, TriedProvider } from './providers.ts'

/** A base model with the adapters that go on it. */
export interface ModelSpec {
  /** Holds config.json, model.safetensors and tokenizer.json. */
  readonly directory: string
  readonly lora: LoraSpec
}

export interface ModelInfo {
  readonly config: ModelConfig
  readonly parameterCount: number
  /** Numbers in an adapter's flat vector. */
  readonly loraSize: number
  readonly vocabSize: number
  readonly contextTokens: number
  /** One hash over all graphs of this base model and adapter shape, and the runtime's version. */
  readonly graphHash: Hash
  /** Whether this machine's arithmetic is that of precision class `cpu-exact`. */
  readonly exact: boolean
  /** Why it is not. */
  readonly inexactReason?: string
}

/** An adapter on its way to the serving graph (lora.ts). Its memory is shared between the threads, and never changes. */
export interface ServedAdapter {
  /** Content of the same name is the same; without a name nothing that was read with it is kept. */
  readonly id: string | undefined
  readonly lora: LoraSpec
  readonly data: Float32Array
}

export interface GenerateRequest {
  /** Without it the base model speaks. */
  readonly adapter?: ServedAdapter | undefined
  /** Token ids; at least one. */
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** 32 bytes that fix the sampling noise. */
  readonly seed: Uint8Array
  readonly sampler: Sampler
  /** Drawing one of these ends the text; it is the last of `tokens`. */
  readonly stopTokens: readonly number[]
  /** Gives each token's log-probability, and those of this many of the likeliest tokens. */
  readonly logProbabilities?: number | undefined
}

export interface Generated {
  readonly tokens: number[]
  /** `caller`: whoever listened to the tokens had enough. */
  readonly stop: 'length' | 'stop-token' | 'context' | 'caller'
  /** (tokens, width): the normalised hidden state that each token was drawn from. */
  readonly hidden: Float32Array
  /** One for each token, where they were asked for. */
  readonly logProbabilities?: readonly DrawnProbability[]
}

/** Natural logarithms of what the model gave, before temperature and top-k. */
export interface DrawnProbability extends TokenProbability {
  /** Likeliest first. */
  readonly likeliest: readonly TokenProbability[]
}

export interface TokenProbability {
  readonly token: number
  readonly logProbability: number
}

export interface PrefillRequest {
  readonly adapter?: ServedAdapter | undefined
  readonly tokens: readonly number[]
  /** First position whose results are wanted. */
  readonly from: number
}

/** Row i belongs to position from + i and predicts the token at from + i + 1. */
export interface Prefilled {
  /** (rows, vocabulary) */
  readonly logits: Float32Array
  /** (rows, width), normalised. */
  readonly hidden: Float32Array
}

export interface TrainingBatch {
  /** (examples, exampleTokens), row by row. */
  readonly tokens: Int32Array
  /**
   * How much the prediction of each token counts, laid out as `tokens`; the first of each example is never predicted and
   * never counts. Without it all count alike.
   */
  readonly weights?: Float32Array
}

export interface TrainRequest {
  readonly state: TrainingState
  /** One for each step to take. */
  readonly batches: readonly TrainingBatch[]
  readonly exampleTokens: number
  readonly optimiser: Optimiser
  /** Steps of the whole job: the learning rate's schedule. */
  readonly totalSteps: number
  readonly dropout?: Dropout | undefined
}

export interface Trained {
  readonly state: TrainingState
  /** Mean loss of each step's batch, before the step. */
  readonly losses: Float32Array
  /** 32 bytes, hashed from bits of each of these steps that nothing else shows: who has not taken them all cannot know it. */
  readonly witness: Uint8Array
}

export interface ExamplesRequest {
  readonly adapter?: Float32Array | undefined
  /** Token ids of each example, of any length from two to one more than the context: the last is never read. */
  readonly examples: readonly Int32Array[]
  /** As long as the examples, as in `TrainingBatch`; without them each example's loss is its mean over predicted tokens. */
  readonly weights?: readonly Float32Array[]
}

export interface FeaturesRequest extends ExamplesRequest {
  /** 32 bytes that fix the projection. */
  readonly projectionSeed: Uint8Array
  /** Columns of each projection matrix. */
  readonly width: number
}

export interface Features {
  /** (examples, featureSize(layout, width)) */
  readonly features: Float32Array
  readonly losses: Float32Array
}

/** What serving may take of the machine. */
export interface ServingLimits {
  /** Texts that are written at the same time; others wait. */
  readonly texts: number
  /** So many may wait, for each base model; more are refused. */
  readonly waiting: number
  /** Bytes of keys, values and adapters of the texts under way, for each base model. */
  readonly memoryBytes: number
  /** Bytes of the keys and values of earlier prompts, for each base model. */
  readonly promptCacheBytes: number
  /** Tokens of a prompt that are read in one go, while other texts wait for their next token. */
  readonly chunkTokens: number
}

/** What the engine's thread is started with. */
export interface ThreadOptions {
  /** Threads that one operator may use. */
  readonly threads: number
  /** Computes each layer's activations again in the backward pass instead of keeping them: a third of the memory, in 1.4 times the time. */
  readonly checkpointing: boolean
  readonly limits: ServingLimits
  /** Bytes of weights in memory, for all models together. */
  readonly weightBytes: number
  /** Draws answers; all else is computed by the processor. */
  readonly provider: Provider
}

/** Request and result of each kind of call. */
export interface Calls {
  open: { request: object; result: ModelInfo; progress: never }
  generate: { request: GenerateRequest; result: Generated; progress: TokenProgress }
  prefill: { request: PrefillRequest; result: Prefilled; progress: never }
  train: { request: TrainRequest; result: Trained; progress: StepProgress }
  features: { request: FeaturesRequest; result: Features; progress: CountProgress }
  loss: { request: ExamplesRequest; result: Float32Array; progress: CountProgress }
}
export type CallKind = keyof Calls

export interface TokenProgress {
  readonly token: number
  readonly index: number
}

export interface StepProgress {
  /** Steps taken since the job began. */
  readonly step: number
  /** Of the step's batch, before the step. */
  readonly loss: number
  /** Predicted tokens a second, of this step, by the engine's clock. */
  readonly tokensPerSecond: number
  /** What the whole process holds in memory. */
  readonly memoryBytes: number
}

export interface CountProgress {
  readonly done: number
  readonly total: number
}

export type ToThread =
  | {
      readonly [K in CallKind]: {
        readonly id: number
        readonly kind: K
        readonly model: ModelSpec
        readonly request: Calls[K]['request']
      }
    }[CallKind]
  | { readonly id: number; readonly kind: 'cancel' }
  /** Ends a text where it stands. */
  | { readonly id: number; readonly kind: 'finish' }
  | { readonly kind: 'end' }

export type FromThread =
  | {
      readonly id: number
      readonly kind: 'progress'
      readonly progress: TokenProgress | StepProgress | CountProgress
    }
  | { readonly id: number; readonly kind: 'done'; readonly result: Calls[CallKind]['result'] }
  | {
      readonly id: number
      readonly kind: 'failed'
      readonly code: EngineErrorCode
      readonly message: string
      /** Of a training that was cancelled. */
      readonly trained?: Trained | undefined
    }
  /** Whether the provider draws with a model, and why it does not, or no more. */
  | { readonly kind: 'tried'; readonly tried: TriedProvider }
