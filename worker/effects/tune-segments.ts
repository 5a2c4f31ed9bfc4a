/** Goes through the segments of a fine-tune: each ends in a state that is stored, hashed and written down. */
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { MAX_STATE_BYTES, Progress } from '../../protocol/progress.ts'
import { bestState, endsEarly } from '../../protocol/tuning.ts'
import { witnessOf, witnessSeal } from '../../protocol/witness.ts'
import type { TrainingState } from '../engine/lora.ts'
import type { StepProgress } from '../engine/requests.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'
import { readState } from './repeat-segment.ts'
import type { TuneJournal, TuneProgress } from './tune-journal.ts'
import {
  encodeState,
  heldOutLoss,
  type Run,
  stateBytesOf,
  stateHash,
  trainSteps,
} from './tuning.ts'

export interface Training {
  /** The adapter: of the last state, or where there is patience of the best. */
  readonly theta: Float32Array
  readonly progress: TuneProgress
}

export interface SegmentHooks {
  readonly signal: AbortSignal
  readonly onStep: (progress: StepProgress) => void
  /** What was done so far is stored where others find it. */
  readonly onStored?: ((progress: Cid) => void) | undefined
  /** What another worker has done of the run, where that is true and more states than so many. */
  readonly takeOver?: ((run: Run, states: number) => Promise<TuneProgress | undefined>) | undefined
}

/**
 * Goes on from where this job was left, by this worker as its journal says or by another, whichever came further. What the
 * journal says is kept until the job's result is stored.
 */
export async function trainSegments(
  run: Run,
  content: ContentStore,
  journal: TuneJournal,
  jobId: Hash,
  { signal, onStep, onStored, takeOver }: SegmentHooks,
): Promise<Training> {
  const { patience } = run.spec
  const own = journal.read(jobId)
  const others = await takeOver?.(run, own?.states.length ?? 1)
  let { state, progress } =
    (await resumed(run, content, others, signal)) ||
    (await resumed(run, content, own, signal)) ||
    (await begun(run, content, signal))
  for (;;) {
    journal.write(jobId, progress)
    if (progress.states.length > 1) await share(run, content, jobId, progress, onStored)
    const segment = progress.states.length - 1
    const [from, to] = [run.boundaries[segment]!, run.boundaries[segment + 1]]
    if (to === undefined || endsEarly(progress.heldOutLosses, patience)) break
    const trained = await trainSteps(run, state, from, to, signal, onStep)
    state = trained.state
    const losses = [...progress.losses, ...trained.losses]
    const witness = witnessOf({ jobId, segment }, trained.witness)
    const seals = [...progress.seals, witnessSeal(witness)]
    progress = { ...(await withState(run, content, progress, state, signal)), seals, losses }
  }
  const chosen = patience > 0 ? bestState(progress.heldOutLosses) : progress.states.length - 1
  const isLast = chosen === progress.states.length - 1
  const { theta } = isLast ? state : await stored(run, content, progress, chosen, signal)
  return { theta, progress }
}

/** Large states stay here: nobody would fetch them in time. */
async function share(
  run: Run,
  content: ContentStore,
  jobId: Hash,
  progress: TuneProgress,
  onStored: SegmentHooks['onStored'],
): Promise<void> {
  const stateBytes = stateBytesOf(run)
  if (!onStored || stateBytes > MAX_STATE_BYTES) return
  onStored(await content.put(Progress, { jobId, stateBytes, ...progress }, 'a-month'))
}

async function begun(run: Run, content: ContentStore, signal: AbortSignal) {
  const graph = run.model.info.graphHash
  const empty = { seed: run.seed, graph, states: [], seals: [], losses: [], heldOutLosses: [] }
  return { state: run.initial, progress: await withState(run, content, empty, run.initial, signal) }
}

async function withState(
  run: Run,
  content: ContentStore,
  progress: TuneProgress,
  state: TrainingState,
  signal: AbortSignal,
): Promise<TuneProgress> {
  const entry = {
    hash: stateHash(state),
    cid: await content.putFile(encodeState(state), 'a-month'),
  }
  const measured = run.spec.patience > 0 ? [await heldOutLoss(run, state.theta, signal)] : []
  return {
    ...progress,
    states: [...progress.states, entry],
    heldOutLosses: [...progress.heldOutLosses, ...measured],
  }
}

/** The newest state that was written down, unless it belongs to another run or is not to be had any more. */
async function resumed(
  run: Run,
  content: ContentStore,
  progress: TuneProgress | undefined,
  signal: AbortSignal,
): Promise<{ state: TrainingState; progress: TuneProgress } | undefined> {
  if (progress?.seed !== run.seed || progress.graph !== run.model.info.graphHash) return undefined
  if (progress.states.length > run.boundaries.length) return undefined
  if (progress.seals.length !== progress.states.length - 1) return undefined
  try {
    const last = progress.states.length - 1
    return { state: await stored(run, content, progress, last, signal), progress }
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

async function stored(
  run: Run,
  content: ContentStore,
  progress: TuneProgress,
  index: number,
  signal: AbortSignal,
): Promise<TrainingState> {
  const state = await readState(run, content, progress, index, signal)
  if (state) return state
  throw new StorageError('lies', `State ${progress.states[index]!.cid} has another hash.`)
}
