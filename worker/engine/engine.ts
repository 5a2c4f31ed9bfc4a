/**
 * The engine's face: language models that generate, are trained and give their gradients, without ever blocking the
 * caller's event loop. All work is done in one thread for each engine; it is started when first needed, and again after a crash.
 */
import { EngineError } from './errors.ts'
import { initialState, type LoraLayout, loraLayout, type TrainingState } from './lora.ts'
import { featureSize } from './projection.ts'
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
  StepProgress,
  Trained,
  TrainRequest,
} from './requests.ts'
import type { ThreadOptions } from './thread.ts'
import { ThreadClient } from './thread-client.ts'

/** How the engine may use this machine. The results do not depend on it. */
export type EngineOptions = ThreadOptions

export interface CallOptions {
  /** Cancels at the next token or step: the call rejects with `EngineError` (`aborted`). */
  readonly signal?: AbortSignal | undefined
}

export interface Engine extends AsyncDisposable {
  /** Opens a base model for adapters of one shape. Throws `EngineError`. */
  open(directory: string, lora: ModelSpec['lora']): Promise<Model>
  /** Ends the thread: calls under way reject with `thread-lost`, the next call starts another. */
  restart(): Promise<void>
}

/** A base model with adapters of one shape. All calls throw `EngineError`. */
export interface Model {
  readonly info: ModelInfo
  /** Where each parameter of an adapter lies in its flat vector. */
  readonly layout: LoraLayout
  /** A state to train from, fixed by the seed. */
  initialState(seed: Uint8Array): TrainingState
  /** Numbers in one example's features at a projection width. */
  featureSize(width: number): number
  generate(
    request: GenerateRequest,
    options?: CallOptions & { readonly onToken?: (token: number, index: number) => void },
  ): Promise<Generated>
  prefill(request: PrefillRequest, options?: CallOptions): Promise<Prefilled>
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
  let client: ThreadClient | undefined
  let closed = false
  const thread = (): ThreadClient => {
    if (closed) throw new EngineError('closed', 'this engine was disposed of')
    if (client === undefined || client.lost) client = new ThreadClient(options)
    return client
  }
  const restart = async (): Promise<void> => {
    await client?.end('the engine was told to restart')
    client = undefined
  }
  const call = async <K extends CallKind>(
    kind: K,
    model: ModelSpec,
    request: Calls[K]['request'],
    signal: AbortSignal | undefined,
    onProgress: (progress: Calls[K]['progress']) => void = () => {},
  ): Promise<Calls[K]['result']> => thread().call(kind, model, request, signal, onProgress)
  return {
    async open(directory, lora) {
      const spec = { directory, lora }
      const info = await call('open', spec, {}, undefined)
      return model(spec, info, call)
    },
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
  onProgress?: (progress: Calls[K]['progress']) => void,
) => Promise<Calls[K]['result']>

function model(spec: ModelSpec, info: ModelInfo, call: Call): Model {
  const layout = loraLayout(info.config, spec.lora)
  return {
    info,
    layout,
    initialState: (seed) => initialState(layout, seed),
    featureSize: (width) => featureSize(layout, width),
    generate: (request, { signal, onToken } = {}) =>
      call('generate', spec, request, signal, ({ token, index }) => onToken?.(token, index)),
    prefill: (request, { signal } = {}) => call('prefill', spec, request, signal),
    train: (request, { signal, onStep } = {}) => call('train', spec, request, signal, onStep),
    features: (request, { signal, onProgress } = {}) =>
      call('features', spec, request, signal, onProgress),
    loss: (request, { signal, onProgress } = {}) => call('loss', spec, request, signal, onProgress),
  }
}
