/** Training steps, in the engine's thread. */
import { learningRate } from '../../protocol/tuning.ts'
import { EngineError } from './errors.ts'
import { batchExamples, exampleFeeds, rowsOfRun } from './examples.ts'
import { allFinite, type LoadedModel } from './loaded-model.ts'
import type { TrainingState } from './lora.ts'
import { hyperValues } from './optimiser.ts'
import type { StepProgress, Trained, TrainingBatch, TrainRequest } from './requests.ts'
import { vector } from './session.ts'
import { type StepSignal, turn } from './step-signal.ts'

/** One step for each batch, from the given state. */
export async function train(
  model: LoadedModel,
  request: TrainRequest,
  onStep: (progress: StepProgress) => void,
  signal: StepSignal,
): Promise<Trained> {
  const { optimiser, totalSteps, batches, exampleTokens } = request
  for (const part of [request.state.theta, request.state.m, request.state.v]) model.adapter(part)
  let state = request.state
  const losses = new Float32Array(batches.length)
  for (const [index, batch] of batches.entries()) {
    const { step } = state
    const { gradient, loss } = await batchGradient(model, state.theta, batch, exampleTokens, signal)
    if (!Number.isFinite(loss)) {
      throw new EngineError('not-finite', `the loss became ${loss} at step ${step}; lower the rate`)
    }
    const rate = learningRate(optimiser, step, totalSteps)
    state = await adamStep(model, state, gradient, hyperValues(optimiser, rate, step))
    losses[index] = loss
    onStep({ step: state.step, loss })
  }
  if (![state.theta, state.m, state.v].every(allFinite)) {
    throw new EngineError(
      'not-finite',
      `the adapter overflowed by step ${state.step}; lower the rate`,
    )
  }
  return { state, losses }
}

/** Gradient of a batch's mean loss. */
async function batchGradient(
  model: LoadedModel,
  theta: Float32Array,
  batch: TrainingBatch,
  exampleTokens: number,
  signal: StepSignal,
): Promise<{ gradient: Float32Array; loss: number }> {
  const session = await model.session('gradient')
  const examples = batchExamples(model, batch, exampleTokens)
  const rows = rowsOfRun(exampleTokens)
  let gradient: Float32Array = new Float32Array(theta.length)
  let loss = 0
  for (let start = 0; start < examples.length; start += rows) {
    await turn()
    signal.throwIfAborted()
    const outputs = await session.run({
      theta: vector(theta),
      sum: vector(gradient),
      ...exampleFeeds(examples.slice(start, start + rows)),
    })
    gradient = outputs['next.sum']!
    loss += outputs['losses']!.reduce((sum, value) => sum + value, 0)
  }
  return { gradient, loss }
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
