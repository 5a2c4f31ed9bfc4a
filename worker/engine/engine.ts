/**
 * The engine's face: language models that generate, are trained and give their gradients, without ever blocking the
 * caller's event loop. All work is done in one thread for each engine; it is started when first needed, and again after a crash.
 */
import { EngineError } from './errors.ts'
import { readConfig } from './files/base-model.ts'
import { featureSize } from './graph/projection.ts'
import {
  initialState,
  type LoraLayout,
  loraLayout,
  type TrainingState,
  turnForServing,
  wholeLora,
} from './lora.ts'
import { MOST_MEMORY_BYTES } from './machine.ts'
import { chooseProvider, type Provider, type TriedProvider } from './providers.ts'
import type {
  CallKind,
  Calls,
  CountProgress,
  ExamplesRequest,
  Features,
  FeaturesRequest,
  Generated,
  GenerateRequest,
  ModelInfo,
  ModelSpec,
  Prefilled,
  PrefillRequest,
  ServingLimits,
  StepProgress,
  Trained,
  TrainRequest,
} from './requests.ts'
import {
  type AdapterBase,
  type AdapterCounts,
  type AdapterLimits,
  type AdapterReference,
  AdapterStore,
  type Lease,
} from './serving/adapter-store.ts'
import { ThreadClient } from './thread-client.ts'

export interface EngineOptions {
  /** Threads that one operator may use. The results do not depend on it. */
  readonly threads: number
  /**
   * What may draw answers, in this order; `cpu` where nothing is said. All else is computed by the processor, which alone is
   * exact, and answers too where a provider disagrees with it on the model, or fails.
   */
  readonly providers?: readonly Provider[]
  /** Told of each provider that does not work here, and whether one that does draws with a model. */
  readonly onTried?: (tried: TriedProvider) => void
  /** Computes activations again in the backward pass instead of keeping them: a third of the memory, in 1.4 times the time. */
  readonly checkpointing?: boolean
  readonly serving?: Partial<ServingLimits>
  readonly adapters?: Partial<AdapterLimits>
  /** Bytes that the weights of all models may take in memory; three quarters of what the machine has where nothing is said. */
  readonly weightBytes?: number
}

/** For a node beside other programs: models in the tens of millions of parameters never come near these. */
const SERVING: ServingLimits = {
  texts: 16,
  waiting: 256,
  memoryBytes: 2 * 2 ** 30,
  promptCacheBytes: 2 ** 26,
  // Longer pieces are read hardly faster, and others wait for them.
  chunkTokens: 128,
}
const ADAPTERS: AdapterLimits = { memoryBytes: 2 ** 30, folderBytes: 8 * 2 ** 30 }

export interface CallOptions {
  /** Cancels at the next token or step: the call rejects with `EngineError` (`aborted`). */
  readonly signal?: AbortSignal | undefined
}

export interface Engine extends AsyncDisposable {
  /** Opens a base model for adapters of one shape, or of `wholeLora`. Throws `EngineError`. */
  open(directory: string, lora?: ModelSpec['lora']): Promise<Model>
  /** How often adapters were found where. */
  readonly adapterCounts: Readonly<AdapterCounts>
  /** Ends the thread: calls under way reject with `thread-lost`, the next call starts another. */
  restart(): Promise<void>
}

/** An adapter of whatever shape: by name, or its flat vector in the model's own shape, used once. */
export type ServingAdapter = AdapterReference | Float32Array

/** A request as callers make it. */
export type Served<R extends { adapter?: unknown }> = Omit<R, 'adapter'> & {
  readonly adapter?: ServingAdapter | undefined
}

export interface GenerateOptions extends CallOptions {
  /** Given each token as it is drawn; where it gives true, the text ends with this token. */
  readonly onToken?: (token: number, index: number) => unknown
}

/** A base model with adapters of one shape for training, and of any shape for serving. All calls throw `EngineError`. */
export interface Model {
  readonly info: ModelInfo
  /** Where each parameter of an adapter lies in its flat vector. */
  readonly layout: LoraLayout
  /** A state to train from, fixed by the seed. */
  initialState(seed: Uint8Array): TrainingState
  /** Numbers in one example's features at a projection width. */
  featureSize(width: number): number
  generate(request: Served<GenerateRequest>, options?: GenerateOptions): Promise<Generated>
  prefill(request: Served<PrefillRequest>, options?: CallOptions): Promise<Prefilled>
  /** Cancelled, it rejects with `TrainingStopped`, which holds what was done. */
  train(
    request: TrainRequest,
    options?: CallOptions & { readonly onStep?: (progress: StepProgress) => void },
  ): Promise<Trained>
  features(
    request: FeaturesRequest,
    options?: CallOptions & { readonly onProgress?: (progress: CountProgress) => void },
  ): Promise<Features>
  /** Loss of each example. */
  loss(
    request: ExamplesRequest,
    options?: CallOptions & { readonly onProgress?: (progress: CountProgress) => void },
  ): Promise<Float32Array>
}

export function createEngine(options: EngineOptions): Engine {
  const adapters = new AdapterStore({ ...ADAPTERS, ...options.adapters })
  const { threads, checkpointing = false, weightBytes = MOST_MEMORY_BYTES } = options
  const { providers = ['cpu'], onTried = () => {} } = options
  const limits = { ...SERVING, ...options.serving }
  let choosing: Promise<Provider> | undefined
  let provider: Provider | undefined
  let client: ThreadClient | undefined
  let closed = false
  const choose = async (): Promise<void> => {
    choosing ??= chooseProvider(providers, threads, onTried)
    provider = await choosing
  }
  const thread = (chosen: Provider): ThreadClient => {
    if (closed) throw new EngineError('closed', 'this engine was disposed of')
    if (client === undefined || client.lost) {
      const about = { threads, checkpointing, limits, weightBytes, provider: chosen }
      client = new ThreadClient(about, onTried)
    }
    return client
  }
  const restart = async (): Promise<void> => {
    // Calls that come while it ends begin another, which is not this one's to forget.
    const ending = client
    client = undefined
    await ending?.end('the engine was told to restart')
  }
  const call: Call = async (kind, model, request, signal, onProgress = () => {}) => {
    if (provider === undefined) await choose()
    return thread(provider!).call(kind, model, request, signal, onProgress)
  }
  return {
    async open(directory, lora) {
      const spec = { directory, lora: lora ?? wholeLora(await readConfig(directory)) }
      const info = await call('open', spec, {}, undefined)
      return model(spec, info, call, adapters)
    },
    adapterCounts: adapters.counts,
    restart,
    async [Symbol.asyncDispose]() {
      closed = true
      await restart()
    },
  }
}

type Call = <K extends CallKind>(
  kind: K,
  model: ModelSpec,
  request: Calls[K]['request'],
  signal: AbortSignal | undefined,
  onProgress?: (progress: Calls[K]['progress'], finish: () => void) => void,
) => Promise<Calls[K]['result']>

function model(spec: ModelSpec, info: ModelInfo, call: Call, adapters: AdapterStore): Model {
  const layout = loraLayout(info.config, spec.lora)
  const base = { directory: spec.directory, config: info.config }
  const lease = (adapter: ServingAdapter | undefined, signal: AbortSignal | undefined) =>
    leaseOf(adapters, base, spec, adapter, signal)
  return {
    info,
    layout,
    initialState: (seed) => initialState(layout, seed),
    featureSize: (width) => featureSize(layout, width),
    async generate(request, { signal, onToken = () => {} } = {}) {
      using held = await lease(request.adapter, signal)
      let enough = Number.POSITIVE_INFINITY
      const generated = await call(
        'generate',
        spec,
        { ...request, adapter: held?.adapter },
        signal,
        ({ token, index }, finish) => {
          if (index >= enough || onToken(token, index) !== true) return
          enough = index + 1
          finish()
        },
      )
      return shortened(generated, enough)
    },
    async prefill(request, { signal } = {}) {
      using held = await lease(request.adapter, signal)
      return await call('prefill', spec, { ...request, adapter: held?.adapter }, signal)
    },
    train: (request, { signal, onStep } = {}) => call('train', spec, request, signal, onStep),
    features: (request, { signal, onProgress } = {}) =>
      call('features', spec, request, signal, onProgress),
    loss: (request, { signal, onProgress } = {}) => call('loss', spec, request, signal, onProgress),
  }
}

/** An adapter ready to serve, until it is released. */
async function leaseOf(
  adapters: AdapterStore,
  base: AdapterBase,
  { lora }: ModelSpec,
  adapter: ServingAdapter | undefined,
  signal: AbortSignal | undefined,
): Promise<Lease | undefined> {
  if (adapter === undefined) return undefined
  if (!(adapter instanceof Float32Array)) return adapters.acquire(base, adapter, signal)
  const data = await turnForServing(loraLayout(base.config, lora), adapter)
  return { adapter: { id: undefined, lora, data }, [Symbol.dispose]: () => {} }
}

/** Tokens that were drawn before the thread heard that there are enough do not count. */
function shortened(generated: Generated, count: number): Generated {
  const { tokens, hidden, logProbabilities } = generated
  if (tokens.length <= count) return generated
  return {
    tokens: tokens.slice(0, count),
    stop: 'caller',
    hidden: hidden.slice(0, (hidden.length / tokens.length) * count),
    ...(logProbabilities && { logProbabilities: logProbabilities.slice(0, count) }),
  }
}
