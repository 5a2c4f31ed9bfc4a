/** A fine-tune as the demo orders it, of the shipped model on npm packages' documentation: what attribution is measured on. */
import { fileURLToPath } from 'node:url'
import type { Example } from '../../protocol/datanet.ts'
import type { Address } from '../../protocol/fields.ts'
import { dataOrder, type LoraSpec, type Optimiser } from '../../protocol/tuning.ts'
import { type Features, packed } from '../../worker/attribution/features.ts'
import { createDoor } from '../../worker/datanet/contribute.ts'
import { packageTexts } from '../../worker/datanet/packages.ts'
import { featureShape } from '../../worker/effects/indexing.ts'
import { paddedBatch } from '../../worker/effects/tuning.ts'
import type { Model } from '../../worker/engine/engine.ts'

const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const NOBODY = `0x${'0'.repeat(40)}` as Address
const MAX_TEXT_BYTES = 48 * 1024

export const EXAMPLE_TOKENS = 128
const BATCH = 8
export const STEPS = 120
export const LORA: LoraSpec = {
  ...{ rank: 8, alpha: 16, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] },
}
const OPTIMISER: Optimiser = {
  ...{ learningRate: 0.004, schedule: 'cosine', warmupSteps: 10 },
  ...{ beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0 },
}

/** The longest documentation that passes the door, of what a demo would take. */
export async function documentation(count: number): Promise<string[]> {
  const door = createDoor()
  const texts: string[] = []
  for await (const offered of packageTexts(PACKAGES, () => NOBODY)) {
    if (offered.content.length > MAX_TEXT_BYTES) continue
    const verdict = door.submit(offered)
    if (verdict.accepted) texts.push(verdict.contribution.text)
  }
  return texts.sort((a, b) => b.length - a.length).slice(0, count)
}

/**
 * The adapter after all steps. Examples that are left out are missing in the batches that they stood in, so that nothing else
 * differs; a batch of none is no step.
 */
export async function trained(
  model: Model,
  examples: readonly Example[],
  seed: Uint8Array,
  isLeftOut: (example: number) => boolean = () => false,
): Promise<Float32Array> {
  const exampleTokens = EXAMPLE_TOKENS + 1
  const batches = dataOrder(seed, examples.length, BATCH, STEPS)
    .map((batch) => [...batch].filter((example) => !isLeftOut(example)))
    .filter((batch) => batch.length > 0)
    .map((batch) =>
      paddedBatch(
        batch.map((example) => examples[example]!),
        exampleTokens,
      ),
    )
  const run = { state: model.initialState(seed), batches, exampleTokens }
  const { state } = await model.train({ ...run, optimiser: OPTIMISER, totalSteps: STEPS })
  return state.theta
}

/** A text whose gradient is asked for: its prompt counts for nothing. */
export interface Query {
  readonly prompt: readonly number[]
  readonly answer: readonly number[]
}

/** Tokens of a query, and what each counts for. */
function weighed({ prompt, answer }: Query): { tokens: Int32Array; weights: Float32Array } {
  const tokens = Int32Array.from([...prompt, ...answer])
  // Nothing predicts a text's first token.
  const from = Math.max(1, prompt.length)
  const weights = new Float32Array(tokens.length).fill(1 / (tokens.length - from), from)
  return { tokens, weights }
}

/** Raw gradient features of each query (D). */
export async function featuresOf(
  model: Model,
  adapter: Float32Array,
  queries: readonly Query[],
  projectionSeed: Uint8Array,
): Promise<Float32Array[]> {
  const shape = featureShape(model.layout)
  const { tokens, weights } = columns(queries.map(weighed))
  const request = { adapter, examples: tokens, weights, projectionSeed, width: shape.columns }
  const { features } = await model.features(request)
  const width = features.length / queries.length
  return queries.map((_, i) => features.subarray(i * width, (i + 1) * width))
}

/** Loss of each query. */
export async function lossesOf(
  model: Model,
  adapter: Float32Array,
  queries: readonly Query[],
): Promise<Float32Array> {
  const { tokens, weights } = columns(queries.map(weighed))
  return model.loss({ adapter, examples: tokens, weights })
}

function columns(all: readonly ReturnType<typeof weighed>[]) {
  return { tokens: all.map(({ tokens }) => tokens), weights: all.map(({ weights }) => weights) }
}

/** Features as an adapter's index holds them. */
export function asPublished(model: Model, raw: readonly Float32Array[]): Features {
  return packed(featureShape(model.layout), Float32Array.from(raw.flatMap((row) => [...row])))
}
