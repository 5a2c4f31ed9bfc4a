/** Training steps, losses and gradient features, in the engine's thread. */
import { learningRate } from '../../protocol/tuning.ts'
import { EngineError } from './errors.ts'
import { allFinite, type GraphName, type LoadedModel } from './loaded-model.ts'
import type { TrainingState } from './lora.ts'
import { hyperValues } from './optimiser.ts'
import { featureSize, projectionMatrices } from './projection.ts'
import type {
  CountProgress,
  ExamplesRequest,
  Features,
  FeaturesRequest,
  StepProgress,
  Trained,
  TrainingBatch,
  TrainRequest,
} from './requests.ts'
import type { Feed } from './session.ts'
import { type StepSignal, turn } from './step-signal.ts'

/**
 * Tokens in one run of a graph: bounds the memory for activations (measured with the model that ships: 60 MB less than
 * with 512, at the same speed). A step's examples are added up run by run, so this number is part of what makes two
 * trainings equal to the last bit.
 */
const RUN_TOKENS = 256

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
  const rows = Math.max(1, Math.floor(RUN_TOKENS / exampleTokens))
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

function vector(data: Float32Array): Feed {
  return { data, shape: [data.length] }
}

/** What a run is fed of an example: all tokens, and a weight for each but the first. */
interface WeightedExample {
  readonly tokens: Int32Array
  readonly weights: Float32Array
}

/** Examples of equal length. */
function exampleFeeds(examples: readonly WeightedExample[]): { tokens: Feed; weights: Feed } {
  const length = examples[0]!.tokens.length
  return {
    tokens: {
      data: Int32Array.from(examples.flatMap(({ tokens }) => [...tokens])),
      shape: [examples.length, length],
    },
    weights: {
      data: Float32Array.from(examples.flatMap(({ weights }) => [...weights])),
      shape: [examples.length, length - 1],
    },
  }
}

/** Weights are divided by their sum over the batch, so the loss is a mean whatever their scale. */
function batchExamples(
  model: LoadedModel,
  { tokens, weights }: TrainingBatch,
  exampleTokens: number,
): WeightedExample[] {
  const count = tokens.length / exampleTokens
  if (!Number.isInteger(count) || count === 0) {
    throw new EngineError(
      'bad-input',
      `a batch of ${tokens.length} tokens cannot be parted into examples of ${exampleTokens}`,
    )
  }
  const examples = Array.from({ length: count }, (_, index) => {
    const range = [index * exampleTokens, (index + 1) * exampleTokens] as const
    const example = { tokens: tokens.subarray(...range), weights: weights?.subarray(...range) }
    return { tokens: example.tokens, weights: predictedWeights(model, example, 1) }
  })
  const sum = examples.reduce(
    (total, example) => example.weights.reduce((part, weight) => part + weight, total),
    0,
  )
  if (!(sum > 0)) {
    throw new EngineError('bad-input', `the weights of a batch add up to ${sum}; nothing to learn`)
  }
  return examples.map((example) => ({
    tokens: example.tokens,
    weights: example.weights.map((weight) => weight / sum),
  }))
}

interface Example {
  readonly tokens: Int32Array
  readonly weights?: Float32Array | undefined
}

/** The weights of the tokens that are predicted: all but the first. Throws `bad-input`. */
function predictedWeights(model: LoadedModel, example: Example, usual: number): Float32Array {
  const { tokens, weights } = example
  model.checkTokens(tokens, 2)
  if (weights === undefined) return new Float32Array(tokens.length - 1).fill(usual)
  if (weights.length !== tokens.length) {
    throw new EngineError(
      'bad-input',
      `${weights.length} weights were given for an example of ${tokens.length} tokens`,
    )
  }
  if (weights.some((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY))) {
    throw new EngineError('bad-input', 'a token weight is negative or not finite')
  }
  return weights.subarray(1)
}

/** One row of features for each example, and its loss. */
export async function features(
  model: LoadedModel,
  request: FeaturesRequest,
  onProgress: (progress: CountProgress) => void,
  signal: StepSignal,
): Promise<Features> {
  const { width, projectionSeed } = request
  // A single column would take a kernel whose rows depend on their neighbours.
  if (!Number.isInteger(width) || width < 2 || width > 256) {
    throw new EngineError('bad-input', `a projection width of ${width} is not in 2 .. 256`)
  }
  const size = featureSize(model.layout, width)
  const result = new Float32Array(request.examples.length * size)
  const projection = projectionMatrices(model.layout, projectionSeed, width)
  const losses = await eachExample(
    model,
    `features ${width}`,
    request,
    { projection: vector(projection) },
    (outputs, indices) => {
      for (const [row, index] of indices.entries()) {
        const values = outputs['features']!.subarray(row * size, (row + 1) * size)
        if (!allFinite(values)) {
          throw new EngineError('not-finite', `the gradient of example ${index} is not finite`)
        }
        result.set(values, index * size)
      }
    },
    onProgress,
    signal,
  )
  return { features: result, losses }
}

/** Loss of each example. */
export function loss(
  model: LoadedModel,
  request: ExamplesRequest,
  onProgress: (progress: CountProgress) => void,
  signal: StepSignal,
): Promise<Float32Array> {
  return eachExample(model, 'loss', request, {}, () => {}, onProgress, signal)
}

/**
 * Runs a graph over all examples, several of equal length at a time. They are never padded, so that an example's numbers
 * are the same bits whatever it is computed with. Gives the losses.
 */
async function eachExample(
  model: LoadedModel,
  graph: GraphName,
  request: ExamplesRequest,
  feeds: Readonly<Record<string, Feed>>,
  collect: (outputs: Record<string, Float32Array>, indices: readonly number[]) => void,
  onProgress: (progress: CountProgress) => void,
  signal: StepSignal,
): Promise<Float32Array> {
  const { examples } = request
  const theta = model.adapter(request.adapter)
  const groups = batchesOfEqualLength(model, request)
  const losses = new Float32Array(examples.length)
  const session = await model.session(graph)
  let done = 0
  for (const group of groups) {
    await turn()
    signal.throwIfAborted()
    const outputs = await session.run({
      ...feeds,
      theta: vector(theta),
      ...exampleFeeds(group.examples),
    })
    for (const [row, index] of group.indices.entries()) {
      const value = outputs['losses']![row]!
      if (!Number.isFinite(value)) {
        throw new EngineError('not-finite', `the loss of example ${index} is ${value}`)
      }
      losses[index] = value
    }
    collect(outputs, group.indices)
    done += group.indices.length
    onProgress({ done, total: examples.length })
  }
  return losses
}

interface ExampleGroup {
  readonly indices: number[]
  readonly examples: WeightedExample[]
}

function batchesOfEqualLength(model: LoadedModel, request: ExamplesRequest): ExampleGroup[] {
  const groups: ExampleGroup[] = []
  const open = new Map<number, ExampleGroup>()
  for (const [index, tokens] of request.examples.entries()) {
    const example = { tokens, weights: request.weights?.[index] }
    const weights = predictedWeights(model, example, 1 / (tokens.length - 1))
    let group = open.get(tokens.length)
    const full = group !== undefined && (group.indices.length + 1) * tokens.length > RUN_TOKENS
    // A single predicted token is a single row, which takes other kernels than several: it must not have company.
    if (group === undefined || full || tokens.length === 2) {
      group = { indices: [], examples: [] }
      open.set(tokens.length, group)
      groups.push(group)
    }
    group.indices.push(index)
    group.examples.push({ tokens, weights })
  }
  return groups
}
