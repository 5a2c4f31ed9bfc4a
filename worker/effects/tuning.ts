/**
 * A fine-tune run, laid out from the job, the spec and the seed alone: worker and validator prepare the same run, the
 * worker to go through it, the validator to repeat parts of it.
 */
import { Adapter, MAX_INDEX_WIDTH, stepsDone } from '../../protocol/adapter.ts'
import { hasTooManyOwners, MAX_SHARES } from '../../protocol/attribution.ts'
import type { Example } from '../../protocol/datanet.ts'
import type { Cid } from '../../protocol/fields.ts'
import { fromHex, type Hash, keccakHash, word } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import {
  dataOrder,
  FineTuneSpec,
  HELD_OUT_ONE_IN,
  otherRun,
  unitsOf,
} from '../../protocol/tuning.ts'
import {
  emptyFeatures,
  type Features,
  MAX_FEATURES,
  pack,
  widthOf,
} from '../attribution/features.ts'
import { EngineError } from '../engine/errors.ts'
import { initialState, loraLayout, type TrainingState } from '../engine/lora.ts'
import type { StepProgress, Trained, TrainingBatch } from '../engine/requests.ts'
import type { ContentStore } from '../storage/content.ts'
import { featureShape } from './indexing.ts'
import type { Base, Corpus, Knowledge } from './knowledge.ts'

export interface Run extends Base {
  readonly spec: FineTuneSpec
  readonly seed: Hash
  readonly corpus: Corpus
  /** Numbers of the examples that are trained on. */
  readonly trained: readonly number[]
  readonly heldOut: readonly number[]
  readonly initial: TrainingState
  /** Examples of each step of this job, by number. */
  readonly steps: readonly (readonly number[])[]
  /** First step of each segment, counted from this job's first, and the number of steps behind the last. */
  readonly boundaries: readonly number[]
}

/** Where a job's part of a run begins. The seed is that of the run's first job. */
type Beginning = Pick<Run, 'seed' | 'initial'>

/** @throws EngineError `bad-input` where the order cannot be carried out as it stands */
export async function prepareRun(
  knowledge: Knowledge,
  content: ContentStore,
  job: Job,
  jobSeed: Hash,
  signal: AbortSignal,
): Promise<Run> {
  const spec = await content.get(FineTuneSpec, job.input, { signal })
  const base = await knowledge.base(job.model, spec.lora, signal)
  const { seed, initial } =
    job.adapter === ''
      ? begunBy(jobSeed, base, spec)
      : await goneOn(content, job, job.adapter, base, spec, signal)
  const corpus = await knowledge.corpus(job.model, spec, seed, signal)
  const numbers = corpus.examples.map((_, index) => index)
  const trained = numbers.filter((index) => !corpus.examples[index]!.heldOut)
  const heldOut = numbers.filter((index) => corpus.examples[index]!.heldOut)
  const units = unitsOf(spec, spec.steps)
  if (trained.length === 0 || heldOut.length === 0) {
    throw refuse(
      `the datanet gives only ${numbers.length} examples; it takes at least ${HELD_OUT_ONE_IN}`,
    )
  }
  if (units > job.maxUnits)
    throw refuse(`${units} tokens are ordered, ${job.maxUnits} are paid for`)
  if (spec.exampleTokens + 1 > base.model.info.contextTokens) {
    throw refuse(`examples of ${spec.exampleTokens} tokens do not fit the model's context`)
  }
  if (hasTooManyOwners(corpus.owners)) {
    throw refuse(`its examples are of more than ${MAX_SHARES} contributors; order fewer examples`)
  }
  refuseIndex(widthOf(featureShape(base.model.layout)), numbers.length)
  const end = initial.step + spec.steps
  const order = dataOrder(fromHex(seed), trained.length, spec.batchExamples, end)
  return {
    ...base,
    spec,
    seed,
    corpus,
    trained,
    heldOut,
    initial,
    steps: order.slice(initial.step).map((batch) => [...batch].map((place) => trained[place]!)),
    boundaries: boundariesOf(spec),
  }
}

/** Said before anything is trained: the index comes last. */
function refuseIndex(width: number, examples: number): void {
  if (width <= MAX_INDEX_WIDTH && width * examples <= MAX_FEATURES) return
  const size = `${examples} rows of ${width} numbers`
  const most = `rows of ${MAX_INDEX_WIDTH} and ${MAX_FEATURES} in all`
  const advice = 'lower rank or maxExamples, or adapt fewer targets'
  throw refuse(`its gradient index would have ${size}, the most is ${most}; ${advice}`)
}

function begunBy(seed: Hash, { model }: Base, { lora }: FineTuneSpec): Beginning {
  return { seed, initial: initialState(loraLayout(model.info.config, lora), fromHex(seed)) }
}

async function goneOn(
  content: ContentStore,
  job: Job,
  adapter: Cid,
  { model }: Base,
  spec: FineTuneSpec,
  signal: AbortSignal,
): Promise<Beginning> {
  const { base, seed, ...earlier } = await content.get(Adapter, adapter, { signal })
  if (base !== job.model) throw refuse(`adapter ${adapter} is of another base model`)
  const field = otherRun(spec, await content.get(FineTuneSpec, earlier.spec, { signal }))
  if (field) throw refuse(`${field} is not as in the run of adapter ${adapter}`)
  const done = stepsDone(earlier)
  if (done + spec.steps > spec.runSteps) {
    throw refuse(`of ${spec.runSteps} steps ${done} are done, so ${spec.steps} are too many`)
  }
  const size = model.info.loraSize
  const { cid, hash } = earlier.states.at(-1)!
  const initial = decodeState(await content.getFile(cid, 12 * size, { signal }), size, done)
  if (stateHash(initial) === hash) return { seed, initial }
  throw refuse(`the last state of adapter ${adapter} has another hash`)
}

/** Trains steps `from` to `to` of the job. */
export async function trainSteps(
  run: Run,
  state: TrainingState,
  from: number,
  to: number,
  signal: AbortSignal,
  onStep: (progress: StepProgress) => void = () => {},
): Promise<Trained> {
  const request = {
    state,
    batches: run.steps.slice(from, to).map((batch) => batchOf(run, batch)),
    exampleTokens: run.spec.exampleTokens + 1,
    optimiser: run.spec.optimiser,
    totalSteps: run.spec.runSteps,
    dropout: { rate: run.spec.dropout, seed: fromHex(run.seed) },
  }
  return run.model.train(request, { signal, onStep })
}

/** Examples whose raw features are held at once: some 16 MiB. */
const UNPACKED_EXAMPLES = 256

/** Gradient features of examples, by number. */
export async function featuresOf(
  run: Run,
  theta: Float32Array,
  numbers: readonly number[],
  signal: AbortSignal,
  onProgress: (done: number) => void = () => {},
): Promise<Features> {
  const shape = featureShape(run.model.layout)
  const all = emptyFeatures(shape, numbers.length)
  for (let first = 0; first < numbers.length; first += UNPACKED_EXAMPLES) {
    const request = {
      adapter: theta,
      examples: examplesOf(run, numbers.slice(first, first + UNPACKED_EXAMPLES)),
      projectionSeed: fromHex(run.seed),
      width: shape.columns,
    }
    const onDone = ({ done }: { done: number }): void => onProgress(first + done)
    const { features } = await run.model.features(request, { signal, onProgress: onDone })
    pack(all, first, features)
  }
  return all
}

/** Mean loss on the held-out examples, in nats a token; without an adapter that of the base model. */
export async function heldOutLoss(
  run: Run,
  adapter: Float32Array | undefined,
  signal: AbortSignal,
): Promise<number> {
  const examples = examplesOf(run, run.heldOut)
  const losses = await run.model.loss({ adapter, examples }, { signal })
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

/** Bytes of a state: theta, m and v one after the other, float32 little-endian. */
export function encodeState({ theta, m, v }: TrainingState): Uint8Array {
  const bytes = new Uint8Array(3 * theta.byteLength)
  for (const [place, part] of [theta, m, v].entries()) {
    bytes.set(
      new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
      place * theta.byteLength,
    )
  }
  return bytes
}

/** Size of a state's file. */
export function stateBytesOf({ model }: Run): number {
  return 12 * model.info.loraSize
}

/** @throws EngineError `bad-input` where the bytes are not those of a state of `size` parameters */
export function decodeState(bytes: Uint8Array, size: number, step: number): TrainingState {
  if (bytes.length !== 12 * size) {
    throw refuse(`a state of ${bytes.length} bytes is not one of ${size} parameters`)
  }
  const floats = new Float32Array(bytes.slice().buffer)
  return {
    theta: floats.slice(0, size),
    m: floats.slice(size, 2 * size),
    v: floats.slice(2 * size),
    step,
  }
}

/** What a worker commits to at each boundary: the step and every bit of the state. */
export function stateHash(state: TrainingState): Hash {
  return keccakHash(word(state.step), encodeState(state))
}

function examplesOf({ corpus }: Run, numbers: readonly number[]): Int32Array[] {
  return numbers.map((number) => Int32Array.from(corpus.examples[number]!.tokens))
}

function batchOf(run: Run, numbers: readonly number[]): TrainingBatch {
  const { corpus, spec } = run
  const examples = numbers.map((number) => corpus.examples[number]!)
  return paddedBatch(examples, spec.exampleTokens + 1)
}

/** Examples of equal length: what is put behind shorter ones counts for nothing, and no token sees what comes behind it. */
export function paddedBatch(examples: readonly Example[], length: number): TrainingBatch {
  const tokens = new Int32Array(examples.length * length)
  const weights = new Float32Array(tokens.length)
  for (const [row, example] of examples.entries()) {
    tokens.set(example.tokens, row * length)
    weights.fill(1, row * length, row * length + example.tokens.length)
  }
  return { tokens, weights }
}

function boundariesOf({ steps, segmentSteps }: FineTuneSpec): number[] {
  const count = Math.ceil(steps / segmentSteps)
  return Array.from({ length: count + 1 }, (_, index) => Math.min(steps, index * segmentSteps))
}

function refuse(reason: string): EngineError {
  return new EngineError('bad-input', `The fine-tune cannot be run: ${reason}.`)
}
