/** Goes through the segments of a fine-tune: each ends in a state that is stored, hashed and written down. */
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { bestState, endsEarly } from '../../protocol/tuning.ts'
import { witnessOf, witnessSeal } from '../../protocol/witness.ts'
import type { TrainingState } from '../engine/lora.ts'
import type { StepProgress } from '../engine/requests.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'
import type { TuneJournal, TuneProgress } from './tune-journal.ts'
import { decodeState, encodeState, heldOutLoss, type Run, stateHash, trainSteps } from './tuning.ts'

export interface Training {
  /** The adapter: of the last state, or where there is patience of the best. */
  readonly theta: Float32Array
  readonly progress: TuneProgress
}

export interface SegmentHooks {
  readonly signal: AbortSignal
  readonly onStep: (progress: StepProgress) => void
}

/** Whose run it is: a witness counts for this job and this worker only. */
export interface Owner {
  readonly jobId: Hash
  readonly worker: Address
}

/** Goes on from where the journal says this job was left. What it says is kept until the job's result is stored. */
export async function trainSegments(
  run: Run,
  content: ContentStore,
  journal: TuneJournal,
  { jobId, worker }: Owner,
  { signal, onStep }: SegmentHooks,
): Promise<Training> {
  const { patience } = run.spec
  let { state, progress } =
    (await resumed(run, content, journal.read(jobId), signal)) ??
    (await begun(run, content, signal))
  for (;;) {
    journal.write(jobId, progress)
    const segment = progress.states.length - 1
    const [from, to] = [run.boundaries[segment]!, run.boundaries[segment + 1]]
    if (to === undefined || endsEarly(progress.heldOutLosses, patience)) break
    const trained = await trainSteps(run, state, from, to, signal, onStep)
    state = trained.state
    const losses = [...progress.losses, ...trained.losses]
    const witness = witnessOf({ jobId, worker, segment }, trained.witness)
    const seals = [...progress.seals, witnessSeal(witness)]
    progress = { ...(await withState(run, content, progress, state, signal)), seals, losses }
  }
  const chosen = patience > 0 ? bestState(progress.heldOutLosses) : progress.states.length - 1
  const isLast = chosen === progress.states.length - 1
  const { theta } = isLast ? state : await stored(run, content, progress, chosen, signal)
  return { theta, progress }
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
  const entry = { hash: stateHash(state), cid: await content.putFile(encodeState(state)) }
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
  { states }: TuneProgress,
  index: number,
  signal: AbortSignal,
): Promise<TrainingState> {
  const { cid, hash } = states[index]!
  const size = run.model.info.loraSize
  const bytes = await content.getFile(cid, 12 * size, { signal })
  const state = decodeState(bytes, size, run.boundaries[index]!)
  if (stateHash(state) !== hash) throw new StorageError('lies', `State ${cid} has another hash.`)
  return state
}
