/** Trains one segment of a run again, from the worker's own state, and compares all that is said of it. */
import type { Adapter } from '../../protocol/adapter.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { VoteReason } from '../../protocol/vote.ts'
import { witnessOf, witnessSeal } from '../../protocol/witness.ts'
import type { TrainingState } from '../engine/lora.ts'
import type { ContentStore } from '../storage/content.ts'
import { unlessOfWeights } from './finding.ts'
import {
  decodeState,
  heldOutLoss,
  type Run,
  stateBytesOf,
  stateHash,
  trainSteps,
} from './tuning.ts'

/** What is said of the segments of a run. */
export type Course = Pick<Adapter, 'jobId' | 'states' | 'seals' | 'losses' | 'heldOutLosses'>

export interface Repeated {
  /** Steps that were taken. */
  readonly checked: number
  /** What differs, if anything. */
  readonly fault?: VoteReason
  readonly witness?: Hash
}

/** A mean of float32 losses, added up in the same order: equal but for the decimal form. */
export const LOSS_TOLERANCE = 1e-6

/** Where a run of the model refuses the states, or comes to nothing finite, nobody has trained there. */
export function repeatSegment(
  run: Run,
  content: ContentStore,
  course: Course,
  segment: number,
  signal: AbortSignal,
): Promise<Repeated> {
  const repeated = repeatFrom(run, content, course, segment, signal)
  return unlessOfWeights(repeated, { checked: 0, fault: 'segments-differ' })
}

async function repeatFrom(
  run: Run,
  content: ContentStore,
  course: Course,
  segment: number,
  signal: AbortSignal,
): Promise<Repeated> {
  const [from, to] = [run.boundaries[segment]!, run.boundaries[segment + 1]!]
  const start = await readState(run, content, course, segment, signal)
  if (!start) return { checked: 0, fault: 'segments-differ' }
  const { state, losses, witness: shown } = await trainSteps(run, start, from, to, signal)
  const checked = to - from
  const end = course.states[segment + 1]!
  if (stateHash(state) !== end.hash) return { checked, fault: 'segments-differ' }
  const said = Float32Array.from(course.losses.slice(from, to))
  if (!same(losses, said)) return { checked, fault: 'loss-differs' }
  const witness = witnessOf({ jobId: course.jobId, segment }, shown)
  if (witnessSeal(witness) !== course.seals[segment]) return { checked, fault: 'witness-differs' }
  for (const [place, { theta }] of [start, state].entries()) {
    const heldOut = course.heldOutLosses[segment + place]
    if (heldOut === undefined) break
    const found = await heldOutLoss(run, theta, signal)
    if (Math.abs(found - heldOut) > LOSS_TOLERANCE) return { checked, fault: 'loss-differs' }
  }
  return { checked, witness }
}

/** The state at a boundary, where its bytes have the hash that was committed. */
export async function readState(
  run: Run,
  content: ContentStore,
  { states }: Pick<Course, 'states'>,
  boundary: number,
  signal: AbortSignal,
): Promise<TrainingState | undefined> {
  const { cid, hash } = states[boundary]!
  const bytes = await content.getFile(cid, stateBytesOf(run), { signal })
  const step = run.initial.step + run.boundaries[boundary]!
  const state = decodeState(bytes, run.model.info.loraSize, step)
  return stateHash(state) === hash ? state : undefined
}

export function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}
