/** Training steps, in the engine's thread. */
import { keccak } from '../../../protocol/hash.ts'
import { learningRate } from '../../../protocol/tuning.ts'
import { allFinite } from '../checks.ts'
import { EngineError } from '../errors.ts'
import { type Dropout, dropoutColumns, keptInputs, keptScale } from '../graph/dropout.ts'
import { hyperValues } from '../graph/optimiser.ts'
import type { LoadedModel } from '../loaded-model.ts'
import type { TrainingState } from '../lora.ts'
import type { StepProgress, Trained, TrainingBatch, TrainRequest } from '../requests.ts'
import { type Feed, vector } from '../session.ts'
import { type StepSignal, turn } from '../step-signal.ts'
import { checkActivations } from './activations.ts'
import { batchExamples, exampleFeeds, rowsOfRun } from './examples.ts'
import { TrainingStopped } from './training-stopped.ts'

/** One step for each batch, from the given state. Throws `TrainingStopped` where it is cancelled before the last. */
export async function train(
  model: LoadedModel,
  request: TrainRequest,
  onStep: (progress: StepProgress) => void,
  signal: StepSignal,
): Promise<Trained> {
  checkDropout(request.dropout)
  for (const part of [request.state.theta, request.state.m, request.state.v]) model.adapter(part)
  let state = request.state
  const losses = new Float32Array(request.batches.length)
  let witness: Uint8Array = new Uint8Array(32)
  for (const [index, batch] of request.batches.entries()) {
    const startedMs = performance.now()
    const done = await oneStep(model, request, state, batch, signal)
    if (done === 'stopped') {
      throw new TrainingStopped({ state, losses: losses.slice(0, index), witness })
    }
    state = done.state
    witness = keccak(witness, ...done.seen)
    losses[index] = done.loss
    const seconds = (performance.now() - startedMs) / 1000
    onStep({
      step: state.step,
      loss: done.loss,
      tokensPerSecond: done.tokens / seconds,
      memoryBytes: process.memoryUsage.rss(),
    })
  }
  if (![state.theta, state.m, state.v].every(allFinite)) {
    throw new EngineError(
      'not-finite',
      `the adapter overflowed by step ${state.step}; lower the rate`,
    )
  }
  return { state, losses, witness }
}

/** The state after a step, and of its batch the mean loss, the number of predicted tokens and what its runs show (`witness`). */
async function oneStep(
  model: LoadedModel,
  request: TrainRequest,
  state: TrainingState,
  batch: TrainingBatch,
  signal: StepSignal,
): Promise<({ state: TrainingState } & Omit<Slope, 'gradient'>) | 'stopped'> {
  const { optimiser, totalSteps } = request
  const { step } = state
  const sum = await batchGradient(model, request, state, batch, signal)
  if (sum === 'stopped') return sum
  if (!Number.isFinite(sum.loss)) {
    const message = `the loss became ${sum.loss} at step ${step}; lower the rate`
    throw new EngineError('not-finite', message)
  }
  const rate = learningRate(optimiser, step, totalSteps)
  const { gradient, ...shown } = sum
  const next = await adamStep(model, state, gradient, hyperValues(optimiser, rate, step))
  return { state: next, ...shown }
}

interface Slope {
  readonly gradient: Float32Array
  readonly loss: number
  readonly tokens: number
  /** Bytes of each run's witness. */
  readonly seen: readonly Uint8Array[]
}

/** Gradient of a batch's mean loss, accumulated over the runs that the batch is cut into. */
async function batchGradient(
  model: LoadedModel,
  { exampleTokens, dropout }: TrainRequest,
  { theta, step }: TrainingState,
  batch: TrainingBatch,
  signal: StepSignal,
): Promise<Slope | 'stopped'> {
  const drops = dropout !== undefined && dropout.rate > 0
  const graph = drops ? 'gradient with dropout' : 'gradient'
  const examples = batchExamples(model, batch, exampleTokens)
  const time = exampleTokens - 1
  const rows = Math.min(rowsOfRun(exampleTokens), examples.length)
  checkActivations(model.base.config, { layers: model.keptLayers(graph), rows, time })
  const session = await model.session(graph)
  let gradient: Float32Array = new Float32Array(theta.length)
  let loss = 0
  const seen: Uint8Array[] = []
  for (let first = 0; first < examples.length; first += rows) {
    await turn()
    if (signal.aborted) return 'stopped'
    const part = examples.slice(first, first + rows)
    const place = { first, count: part.length }
    const outputs = await session.run({
      theta: vector(theta),
      sum: vector(gradient),
      ...exampleFeeds(part),
      ...(drops && dropoutFeeds(model, dropout, step, place, time)),
    })
    gradient = outputs['next.sum']!
    loss += outputs['losses']!.reduce((sum, value) => sum + value, 0)
    const { buffer, byteOffset, byteLength } = outputs['witness']!
    seen.push(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return { gradient, loss, tokens: examples.length * time, seen }
}

function checkDropout(dropout: Dropout | undefined): void {
  if (dropout === undefined || (dropout.rate >= 0 && dropout.rate <= 0.9)) return
  throw new EngineError('bad-input', `a dropout of ${dropout.rate} is not in 0 .. 0.9`)
}

function dropoutFeeds(
  { layout }: LoadedModel,
  dropout: Dropout,
  step: number,
  examples: { readonly first: number; readonly count: number },
  time: number,
): { kept: Feed; keptScale: Feed } {
  const kept = keptInputs(layout, dropout, step, examples, time)
  return {
    kept: { data: kept, shape: [examples.count * time, dropoutColumns(layout).width] },
    keptScale: vector(Float32Array.of(keptScale(dropout))),
  }
}

async function adamStep(
  model: LoadedModel,
  { theta, m, v, step }: TrainingState,
  gradient: Float32Array,
  hyper: Float32Array,
): Promise<TrainingState> {
  const session = await model.session('adam')
  const outputs = await session.run({
    theta: vector(theta),
    m: vector(m),
    v: vector(v),
    gradient: vector(gradient),
    hyper: vector(hyper),
  })
  return {
    theta: outputs['next.theta']!,
    m: outputs['next.m']!,
    v: outputs['next.v']!,
    step: step + 1,
  }
}
