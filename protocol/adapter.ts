/** What a fine-tune brings forth: one document that names the weights, how they came about, and both indexes. */
import { z } from 'zod'
import { type DocumentValue, document } from './document.ts'
import { bytes32, cid, optionalCid } from './fields.ts'
import { type Boundaries, MAX_STATES } from './witness.ts'

const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32)
/** State of a run at a boundary of its segments: hash, and a file with weights and both moments. */
export const boundaryState = z.strictObject({ hash: bytes32, cid })
/** Loss in nats a token. */
export const loss = z.number().min(0).max(1000)
/** The most steps of a run. */
export const MAX_STEPS = 100_000

/** A contribution whose rows say again what an earlier one's say. */
const Duplicate = z.strictObject({
  /** Numbers in the datanet's version. */
  contribution: count,
  earlier: count,
  /** So many of its rows are empty, and earn nothing. */
  rows: count,
})
export type Duplicate = z.output<typeof Duplicate>
/** More than these are not listed. */
export const MAX_DUPLICATES = 4096

/** No reader takes a larger adapter. */
const MAX_BYTES = 1024 * 1024
/** Bytes of an adapter as dag-cbor: of a loss; of a state and a seal; of a duplicate at the most; of all else, rounded up. */
const LOSS_BYTES = 9
const SEGMENT_BYTES = 207
const DUPLICATE_BYTES = 42
const OTHER_BYTES = 2048

/** Why the adapter of such a run, and what is told of it on the way, could not be stored; says what to change. */
export function runFault(run: {
  readonly steps: number
  readonly segmentSteps: number
  readonly patience: number
}): string | undefined {
  const segments = Math.ceil(run.steps / run.segmentSteps)
  if (segments >= MAX_STATES) {
    const allowed = `${MAX_STATES - 1} are allowed; raise segmentSteps or lower steps`
    return `${run.steps} steps, ${run.segmentSteps} a segment, are ${segments} segments: ${allowed}`
  }
  const heldOutBytes = run.patience > 0 ? (segments + 1) * LOSS_BYTES : 0
  const bytes = run.steps * LOSS_BYTES + segments * SEGMENT_BYTES + heldOutBytes
  const room = MAX_BYTES - MAX_DUPLICATES * DUPLICATE_BYTES - OTHER_BYTES
  if (bytes <= room) return undefined
  const what = run.steps * LOSS_BYTES > room ? 'lower steps' : 'raise segmentSteps or lower steps'
  return `${run.steps} steps in ${segments} segments take ${bytes} bytes of an adapter that has room for ${room}: ${what}`
}

/** Numbers in a row of the gradient index. */
export const MAX_INDEX_WIDTH = 65_536

const figure = z.number().positive().max(1e30)
export const Adapter = document(
  'adapter',
  MAX_BYTES,
  z.strictObject({
    jobId: bytes32,
    base: cid,
    datanet: cid,
    /** The fine-tune spec. */
    spec: cid,
    /** The adapter whose run this one goes on with, from its last state; none where it began one. */
    parent: optionalCid,
    /** Steps of the run that were done before. */
    firstStep: count,
    /** Hash of the seed block of the run's first job: it fixed the first weights, the order of the data and the projections. */
    seed: bytes32,
    /** PEFT files: `adapter_config.json`, `adapter_model.safetensors`. */
    files: cid,
    /** Before the first step and after each segment. */
    states: z.array(boundaryState).min(2).max(MAX_STATES),
    /** Of each segment, the seal of its witness. */
    seals: z.array(bytes32).max(MAX_STATES - 1),
    /** Mean loss of the batch of each step that was taken. */
    losses: z.array(loss).max(MAX_STEPS),
    /** Mean loss on the held-out examples of each of the states; none where the spec has no patience. */
    heldOutLosses: z.array(loss).max(MAX_STATES),
    /** Mean loss on the held-out examples, with the base alone and with the adapter. */
    heldOutLossBefore: loss,
    heldOutLossAfter: loss,
    /** The gradient index: features as they came and rows after whitening, both in int8, one for each example. */
    index: z.strictObject({
      features: cid,
      rows: cid,
      root: bytes32,
      examples: count,
      width: z.number().int().min(1).max(MAX_INDEX_WIDTH),
      /** Columns of the random projections: each map has columns · rank numbers. */
      columns: z.number().int().min(1).max(MAX_INDEX_WIDTH),
      /** How rows were made of features: damping of the curvature, cap on a row's length, int8 steps a unit. */
      damping: figure,
      cap: figure,
      scale: figure,
      /** Ascending by contribution: the first of those that there are. */
      duplicates: z.array(Duplicate).max(MAX_DUPLICATES),
    }),
    /** The span index over the datanet's tokens. */
    spans: z.strictObject({ root: bytes32, tokens: count }),
  }),
)
export type Adapter = DocumentValue<typeof Adapter>

/** What the claim of a run commits to. */
export function boundariesOf({ states, seals }: Pick<Adapter, 'states' | 'seals'>): Boundaries {
  return { states: states.map(({ hash }) => hash), seals }
}

/** Steps of the run that are done with this adapter. */
export function stepsDone({ firstStep, losses }: Pick<Adapter, 'firstStep' | 'losses'>): number {
  return firstStep + losses.length
}
