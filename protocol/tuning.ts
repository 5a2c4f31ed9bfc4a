/** What a fine-tune job orders, and how its data is laid out: fixed by the job and a seed that nobody chose. */
import { z } from 'zod'
import { MAX_STEPS, runFault } from './adapter.ts'
import { type DocumentValue, document } from './document.ts'
import { cid } from './fields.ts'
import { permutation, random } from './prng.ts'

/** The linear maps of a transformer block that may carry an adapter, in the order of the flat parameter vector; `qkv` in families that hold the three in one. */
export const PROJECTIONS = ['qkv', 'q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const
export type Projection = (typeof PROJECTIONS)[number]

/** Numbers in a row of the gradient index at the most, where two columns a map do not already make more. */
const ROW_NUMBERS = 16_384
const MOST_COLUMNS = 128
const LEAST_COLUMNS = 2

/** What mixes tokens: their gradients tell least of whose data counted, number by number. */
const MIXING: readonly Projection[] = ['qkv', 'q', 'k', 'v']

/** The adapted maps whose gradients make features: those that mix no tokens, and all where there are no others. */
export function featuredMaps<M extends { readonly projection: Projection }>(
  maps: readonly M[],
): readonly M[] {
  const featured = maps.filter(({ projection }) => !MIXING.includes(projection))
  return featured.length > 0 ? featured : maps
}

/**
 * Columns of the random projections that narrow a gradient to features, as many numbers each as the adapter has ranks, for every
 * featured map: a power of two. How well shares foretell what training without an example does depends on the numbers in a row.
 */
export function featureColumns(maps: number, rank: number): number {
  let columns = MOST_COLUMNS
  while (columns > LEAST_COLUMNS && rank * maps * columns > ROW_NUMBERS) columns /= 2
  return columns
}

/** Of an example at the least. */
export const MIN_EXAMPLE_TOKENS = 16

/** One example in so many is held out, so a fine-tune takes as many: they measure the loss, and are decoys. */
export const HELD_OUT_ONE_IN = 16

/** Validators compare each row of the gradient index with each: of so many in minutes. */
export const MAX_EXAMPLES = 32_768

export const LoraSpec = z.strictObject({
  rank: z.number().int().min(1).max(64),
  /** The adapter's output is scaled by alpha / rank. */
  alpha: z.number().int().min(1).max(256),
  targets: z.array(z.enum(PROJECTIONS)).min(1).max(PROJECTIONS.length),
})
export type LoraSpec = z.output<typeof LoraSpec>

/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) with linear warm-up. */
export const Optimiser = z.strictObject({
  learningRate: z.number().positive().max(1),
  /** How the rate falls after the warm-up: as half a cosine to a tenth, or in a line to 0, which the step after the last would have. */
  schedule: z.enum(['cosine', 'linear']),
  warmupSteps: z.number().int().min(0).max(100_000),
  beta1: z.number().min(0).max(0.9999),
  beta2: z.number().min(0).max(0.99999),
  epsilon: z.number().positive().max(1),
  weightDecay: z.number().min(0).max(1),
})
export type Optimiser = z.output<typeof Optimiser>

/** Refuses steps that the run has not, and those whose adapter nobody could store. */
export function refuseSteps(
  spec: Parameters<typeof runFault>[0] & { readonly runSteps: number },
  context: z.core.$RefinementCtx,
): void {
  const message = runFault(spec)
  if (message) context.addIssue({ code: 'custom', path: ['segmentSteps'], message })
  const { steps, runSteps } = spec
  if (steps <= runSteps) return
  const tooMany = `${steps} steps are more than the run has: runSteps is ${runSteps}`
  context.addIssue({ code: 'custom', path: ['steps'], message: tooMany })
}

/** What a spec says, field by field. */
export const FineTuneFields = z.strictObject({
  /** Content id of the datanet version's manifest. */
  datanet: cid,
  lora: LoraSpec,
  optimiser: Optimiser,
  /**
   * Share of an adapter's inputs that are dropped in training, the others growing by 1 / (1 - dropout) (Srivastava et
   * al. 2014, placed as in PEFT). Not part of the adapter's shape: what is served drops nothing. 0 is none.
   */
  dropout: z.number().min(0).max(0.9),
  /** Tokens in an example at the most. */
  exampleTokens: z.number().int().min(MIN_EXAMPLE_TOKENS).max(4096),
  /**
   * Examples in a step: the effective batch. A worker goes through it in parts as large as its engine takes at once and
   * adds their gradients up, in an order that the engine fixes; how many parts that makes is nobody's choice.
   */
  batchExamples: z.number().int().min(1).max(256),
  steps: z.number().int().min(1).max(MAX_STEPS),
  /** Steps of the whole run, of which a job may do a part: they fix how the rate falls. */
  runSteps: z.number().int().min(1).max(MAX_STEPS),
  /** Steps between two committed states. */
  segmentSteps: z.number().int().min(1).max(1000),
  /** Training ends after so many segments without a new least loss on the held-out examples; 0 is never. */
  patience: z.number().int().min(0).max(1000),
  /** Examples taken from the datanet at the most. */
  maxExamples: z.number().int().min(HELD_OUT_ONE_IN).max(MAX_EXAMPLES),
})

export const FineTuneSpec = document(
  'fine-tune spec',
  16 * 1024,
  FineTuneFields.superRefine(refuseSteps),
)
export type FineTuneSpec = DocumentValue<typeof FineTuneSpec>

/** Tokens that so many steps train on: what is paid for. */
export function unitsOf({ batchExamples, exampleTokens }: FineTuneSpec, steps: number): number {
  return steps * batchExamples * exampleTokens
}

/** What each part of a run settles for itself. */
const OF_A_PART: readonly string[] = ['steps', 'segmentSteps', 'patience']

/** The first field by which a spec orders another run than an earlier one; none where both are parts of one run. */
export function otherRun(spec: FineTuneSpec, earlier: FineTuneSpec): string | undefined {
  return Object.entries(spec).find(([field, value]) => {
    const before = earlier[field as keyof FineTuneSpec]
    return !OF_A_PART.includes(field) && JSON.stringify(value) !== JSON.stringify(before)
  })?.[0]
}

/** The learning rate at a step, 0-based. Powers of the library's cosine may differ in the last bit between engines,
 * so the cosine is that of a polynomial in plain arithmetic. */
export function learningRate(optimiser: Optimiser, step: number, steps: number): number {
  const { learningRate: peak, warmupSteps } = optimiser
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps))
  if (optimiser.schedule === 'linear') return peak * (1 - progress)
  return peak * (0.1 + 0.9 * smoothFall(progress))
}

/** Falls from 1 to 0 as half a cosine does, to within 0.011: 1 - 3x² + 2x³. */
function smoothFall(x: number): number {
  return 1 - x * x * (3 - 2 * x)
}

/**
 * Whether training ends here, given the held-out losses of all states so far, the one before the first step included: a
 * rule over committed numbers alone, so that whoever reads them knows how many segments there must be.
 */
export function endsEarly(heldOutLosses: readonly number[], patience: number): boolean {
  return patience > 0 && heldOutLosses.length - 1 - bestState(heldOutLosses) >= patience
}

/** The state with the least held-out loss, the earlier where two are equal: it becomes the adapter where there is patience. */
export function bestState(heldOutLosses: readonly number[]): number {
  return heldOutLosses.indexOf(Math.min(...heldOutLosses))
}

/** Which examples make up each step: epoch after epoch in an order drawn from the seed, all known before training. */
export function dataOrder(
  seed: Uint8Array,
  examples: number,
  batchExamples: number,
  steps: number,
): Uint32Array[] {
  const needed = batchExamples * steps
  const drawn = new Uint32Array(needed)
  for (let start = 0, epoch = 0; start < needed; start += examples, epoch++) {
    const order = permutation(examples, random(seed, `epoch ${epoch}`))
    drawn.set(order.subarray(0, Math.min(examples, needed - start)), start)
  }
  return Array.from({ length: steps }, (_, step) =>
    drawn.subarray(step * batchExamples, (step + 1) * batchExamples),
  )
}
