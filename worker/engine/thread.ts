/** The engine's thread: everything that blocks happens here. It holds the open models and answers the calls of engine.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { EngineError, TrainingStopped } from './errors.ts'
import { LoadedModel } from './loaded-model.ts'
import { features, loss } from './per-example.ts'
import type { CallKind, Calls, FromThread, ModelSpec, ToThread } from './requests.ts'
import { generate, prefill } from './serve.ts'
import { StepSignal } from './step-signal.ts'
import { train } from './train.ts'

export interface ThreadOptions {
  /** Threads that one operator may use. */
  readonly threads: number
  /** Computes each layer's activations again in the backward pass instead of keeping them: a third of the memory, in 1.4 times the time. */
  readonly checkpointing?: boolean
}

type Call = Extract<ToThread, { model: ModelSpec }>

const port = parentPort ?? fail('thread.ts runs only as the thread of an engine')
const options = workerData as ThreadOptions
const models = new Map<string, Promise<LoadedModel>>()
const running = new Map<number, StepSignal>()

port.on('message', (message: ToThread) => {
  if (message.kind === 'cancel') running.get(message.id)?.abort()
  // A thread stopped from outside in the midst of a run takes the whole process with it: it must end by itself.
  else if (message.kind === 'end') process.exit(0)
  else void answer(message)
})

async function answer(call: Call): Promise<void> {
  const { id } = call
  const signal = new StepSignal()
  running.set(id, signal)
  try {
    const result = await perform(call, signal)
    send({ id, kind: 'done', result }, buffersOf(result))
  } catch (error) {
    const known = error instanceof EngineError ? error : undefined
    const message =
      error instanceof Error ? (known?.message ?? error.stack ?? error.message) : String(error)
    const trained = error instanceof TrainingStopped ? error.trained : undefined
    const code = known?.code ?? 'runtime'
    send({ id, kind: 'failed', code, message, trained }, buffersOf(trained))
  } finally {
    running.delete(id)
  }
}

async function perform(call: Call, signal: StepSignal): Promise<Calls[CallKind]['result']> {
  const onProgress = (progress: Extract<FromThread, { kind: 'progress' }>['progress']): void =>
    send({ id: call.id, kind: 'progress', progress }, [])
  const model = await openModel(call.model)
  switch (call.kind) {
    case 'open':
      return model.info()
    case 'generate':
      return generate(model, call.request, onProgress, signal)
    case 'prefill':
      return prefill(model, call.request, signal)
    case 'train':
      return train(model, call.request, onProgress, signal)
    case 'features':
      return features(model, call.request, onProgress, signal)
    case 'loss':
      return loss(model, call.request, onProgress, signal)
  }
}

/** Opens a model once. A failure is not kept: the files may be there the next time. */
function openModel(spec: ModelSpec): Promise<LoadedModel> {
  const key = JSON.stringify([spec.directory, spec.lora])
  let model = models.get(key)
  if (model === undefined) {
    model = LoadedModel.open(spec, options)
    models.set(key, model)
    model.catch(() => models.delete(key))
  }
  return model
}

function send(message: FromThread, transfer: ArrayBuffer[]): void {
  port.postMessage(message, transfer)
}

/** The memory of all typed arrays in a result: it is handed over, not copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>()
  const visit = (part: unknown): void => {
    if (part instanceof Float32Array) {
      if (part.buffer instanceof ArrayBuffer) found.add(part.buffer)
    } else if (typeof part === 'object' && part !== null && !Array.isArray(part)) {
      for (const inner of Object.values(part)) visit(inner)
    }
  }
  visit(value)
  return [...found]
}

function fail(message: string): never {
  throw new TypeError(message)
}
