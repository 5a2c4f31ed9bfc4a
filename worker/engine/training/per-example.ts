/** What is asked of each example by itself, in the engine's thread: its loss, and the features of its gradient. */
import { allFinite } from '../checks.ts'
import { EngineError } from '../errors.ts'
import { featureSize, projectionMatrices } from '../graph/projection.ts'
import type { GraphName, LoadedModel } from '../loaded-model.ts'
import type { CountProgress, ExamplesRequest, Features, FeaturesRequest } from '../requests.ts'
import { type Feed, vector } from '../session.ts'
import { type StepSignal, turn } from '../step-signal.ts'
import { checkActivations } from './activations.ts'
import { batchesOfEqualLength, exampleFeeds } from './examples.ts'

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
  const layers = model.keptLayers(graph)
  for (const { examples: rows } of groups) {
    const time = rows[0]!.tokens.length - 1
    checkActivations(model.base.config, { layers, rows: rows.length, time })
  }
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
