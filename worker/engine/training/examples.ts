/** How examples become the runs of a graph: weights checked and scaled, equal lengths together, so many at a time. */
import { checkTokens } from '../checks.ts'
import { EngineError } from '../errors.ts'
import type { LoadedModel } from '../loaded-model.ts'
import type { ExamplesRequest, TrainingBatch } from '../requests.ts'
import type { Feed } from '../session.ts'

/**
 * Predicted tokens in one run of a graph: bounds the memory for activations. Measured on 88M parameters in one thread: 128
 * cost 9 % more time, 512 save 2 % and take 290 MB more. A step's examples are added up run by run, so this number is
 * part of what makes two trainings equal to the last bit.
 */
const RUN_TOKENS = 256

/** Examples of so many tokens in one run: the first token of each is never predicted. */
export function rowsOfRun(exampleTokens: number): number {
  return Math.max(1, Math.floor(RUN_TOKENS / (exampleTokens - 1)))
}

/** What a run is fed of an example: all tokens, and a weight for each but the first. */
export interface WeightedExample {
  readonly tokens: Int32Array
  readonly weights: Float32Array
}

/** Examples of equal length. */
export function exampleFeeds(examples: readonly WeightedExample[]): {
  tokens: Feed
  weights: Feed
} {
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
export function batchExamples(
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
  const { config } = model.base
  // As with a text that is written, the last token is predicted and never read.
  checkTokens(config, tokens, 2, config.contextTokens + 1)
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

/** Examples of equal length that run together, and their places in the request. */
export interface ExampleGroup {
  readonly indices: number[]
  readonly examples: WeightedExample[]
}

/** Groups that one run of a graph can hold. */
export function batchesOfEqualLength(model: LoadedModel, request: ExamplesRequest): ExampleGroup[] {
  const groups: ExampleGroup[] = []
  const open = new Map<number, ExampleGroup>()
  for (const [index, tokens] of request.examples.entries()) {
    const example = { tokens, weights: request.weights?.[index] }
    const weights = predictedWeights(model, example, 1 / (tokens.length - 1))
    let group = open.get(tokens.length)
    const full = group !== undefined && group.indices.length >= rowsOfRun(tokens.length)
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
