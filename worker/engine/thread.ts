/**
 * The engine's thread: everything that blocks happens here. It holds the models used last and answers the calls of engine.ts.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { EngineError } from './errors.ts'
import { type BaseModel, brokenWeight, openBaseModel } from './files/base-model.ts'
import { Kept, MOST_KEPT } from './kept.ts'
import { LoadedModel } from './loaded-model.ts'
import type { CallKind, Calls, FromThread, ModelSpec, ThreadOptions, ToThread } from './requests.ts'
import { Serving } from './serving/serve.ts'
import { StepSignal } from './step-signal.ts'
import { features, loss } from './training/per-example.ts'
import { train } from './training/train.ts'
import { TrainingStopped } from './training/training-stopped.ts'
import { WeightMemory } from './weight-memory.ts'

type Call = Extract<ToThread, { model: ModelSpec }>

const port = parentPort ?? fail('thread.ts runs only as the thread of an engine')
const options = workerData as ThreadOptions
/**
 * By directory and adapter shape. Their sessions share nothing: each packs the weights anew, and the binding has no way to
 * hand them on; and what differs in alpha alone differs in a factor within a product, which to the bit is nothing else.
 */
const models = new Kept<LoadedModel>(MOST_KEPT, (model) => model.release())
/** By the base model's directory, as what follows. */
const bases = new Kept<BaseModel>(MOST_KEPT)
const servings = new Kept<Serving>(MOST_KEPT, (serving) => serving.release())
const memory = new WeightMemory(
  options.weightBytes,
  async () => (await models.letGoOfOne()) || (await servings.letGoOfOne()),
)
const running = new Map<number, StepSignal>()

port.on('message', (message: ToThread) => {
  if (message.kind === 'cancel') running.get(message.id)?.abort()
  else if (message.kind === 'finish') running.get(message.id)?.finish()
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
    const known = error instanceof EngineError ? await explained(error, call) : undefined
    const message =
      error instanceof Error ? (known?.message ?? error.stack ?? error.message) : String(error)
    const trained = error instanceof TrainingStopped ? error.trained : undefined
    const code = known?.code ?? 'runtime'
    send({ id, kind: 'failed', code, message, trained }, buffersOf(trained))
  } finally {
    running.delete(id)
  }
}

/** Where nothing finite comes out because a weight of the base model is none, that is what its owner must hear. */
async function explained(error: EngineError, { model }: Call): Promise<EngineError> {
  if (error.code !== 'not-finite') return error
  const find = async () => brokenWeight(model.directory, await openBase(model))
  const broken = await find().catch(() => undefined)
  return broken === undefined ? error : new EngineError('bad-file', broken, { cause: error })
}

async function perform(call: Call, signal: StepSignal): Promise<Calls[CallKind]['result']> {
  const onProgress = (progress: Extract<FromThread, { kind: 'progress' }>['progress']): void =>
    send({ id: call.id, kind: 'progress', progress }, [])
  const spec = call.model
  switch (call.kind) {
    case 'open':
      return withModel(spec, (model) => model.info())
    case 'generate':
      return withServing(spec, (serving) => serving.generate(call.request, onProgress, signal))
    case 'prefill':
      return withServing(spec, (serving) => serving.prefill(call.request, signal))
    case 'train':
      return withModel(spec, (model) => train(model, call.request, onProgress, signal))
    case 'features':
      return withModel(spec, (model) => features(model, call.request, onProgress, signal))
    case 'loss':
      return withModel(spec, (model) => loss(model, call.request, onProgress, signal))
  }
}

function withModel<R>(spec: ModelSpec, work: (model: LoadedModel) => Promise<R>): Promise<R> {
  const key = JSON.stringify([spec.directory, spec.lora])
  const open = async () => new LoadedModel(await openBase(spec), spec, options, memory)
  return models.use(key, open, work)
}

function withServing<R>(spec: ModelSpec, work: (serving: Serving) => Promise<R>): Promise<R> {
  const { directory } = spec
  const { provider } = options
  const onTried = (refused?: string): void => {
    const tried = { provider, folder: directory, ...(refused !== undefined && { refused }) }
    send({ kind: 'tried', tried }, [])
  }
  const open = async () => new Serving(directory, await openBase(spec), options, memory, onTried)
  return servings.use(directory, open, work)
}

/** One look at the files serves adapters of every shape. */
function openBase({ directory }: ModelSpec): Promise<BaseModel> {
  return bases.use(
    directory,
    () => openBaseModel(directory),
    async (base) => base,
  )
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
