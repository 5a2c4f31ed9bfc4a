/**
 * What another worker has done of a fine-tune, for who goes on from it. The states are fetched before they are lost with
 * that worker (`follow`), and nobody builds on them unseen: the last segment, whose end training goes on from, and one
 * drawn here are trained again and must end in the same bits, as auditors will have it.
 */
import { randomInt } from 'node:crypto'
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { Progress } from '../../protocol/progress.ts'
import { endsEarly } from '../../protocol/tuning.ts'
import { EngineError } from '../engine/errors.ts'
import type { Performer } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { readState, repeatSegment } from './repeat-segment.ts'
import type { TuneProgress } from './tune-journal.ts'
import { type Run, stateBytesOf, stateHash } from './tuning.ts'

/** States that are not fetched a second time. */
const KNOWN_STATES = 10_000

/** Fetches what the worker of a job has stored so far, which this node then has for others too. */
export function performFollow(content: ContentStore, log: Logger): Performer<'follow'> {
  const known = new Set<Cid>()
  return async ({ jobId, state }, signal) => {
    const progress = await content.get(Progress, state, { signal })
    for (const { cid } of progress.states) {
      if (known.has(cid)) continue
      await content.getFile(cid, progress.stateBytes, { signal })
      if (known.size >= KNOWN_STATES) known.clear()
      known.add(cid)
    }
    log.debug({ jobId, segments: progress.states.length - 1 }, 'holds what another has trained')
    return { kind: 'followed', jobId, state }
  }
}

export interface TakeOverOptions {
  readonly jobId: Hash
  /** How many states this worker has of its own: others are of use where they have more. */
  readonly known: number
  /** `Progress` documents, the furthest first. */
  readonly states: readonly Cid[]
  readonly signal: AbortSignal
  readonly log: Logger
}

/** The furthest of what others have done that is there and holds; nothing where none does. */
export async function takeOver(
  run: Run,
  content: ContentStore,
  { jobId, known, states, signal, log }: TakeOverOptions,
): Promise<TuneProgress | undefined> {
  for (const cid of states) {
    try {
      const progress = await content.get(Progress, cid, { signal })
      if (progress.states.length <= known) continue
      const fault =
        faultOf(run, jobId, progress) ?? (await falseSegment(run, content, progress, signal))
      if (!fault) {
        log.info({ jobId, segments: progress.states.length - 1 }, 'goes on from where another was')
        const { jobId: _, stateBytes: __, ...done } = progress
        return done
      }
      log.warn({ jobId, progress: cid, fault }, 'what another has done is not taken over')
    } catch (error) {
      if (!(error instanceof StorageError) && !isOfBytes(error)) throw error
      const reason = (error as Error).message
      log.warn({ jobId, progress: cid, reason }, 'what another has done is not to be had')
    }
  }
  return undefined
}

function isOfBytes(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'bad-input'
}

/** What is wrong with it as it stands. */
function faultOf(run: Run, jobId: Hash, progress: Progress): string | undefined {
  const { states, seals, losses, heldOutLosses } = progress
  if (progress.jobId !== jobId) return 'it is of another job'
  if (progress.seed !== run.seed) return 'it has another seed'
  if (progress.graph !== run.model.info.graphHash) return 'its graphs are others'
  if (progress.stateBytes !== stateBytesOf(run)) return 'its states have another size'
  if (states.length < 2 || states.length > run.boundaries.length) return 'its segments are not ours'
  if (seals.length !== states.length - 1) return 'it lacks seals'
  if (losses.length !== run.boundaries[states.length - 1]) return 'it has losses of other steps'
  const { patience } = run.spec
  if (heldOutLosses.length !== (patience > 0 ? states.length : 0)) return 'it lacks held-out losses'
  for (let ended = 1; ended < heldOutLosses.length - 1; ended++) {
    if (endsEarly(heldOutLosses.slice(0, ended + 1), patience)) return 'it goes on behind its end'
  }
  return states[0]!.hash === stateHash(run.initial) ? undefined : 'it begins with other weights'
}

/** Why its states do not follow from each other, as far as two segments show. All of them must be there to be shown. */
async function falseSegment(
  run: Run,
  content: ContentStore,
  progress: Progress,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const boundary of progress.states.keys()) {
    if (!(await readState(run, content, progress, boundary, signal))) return 'a state is another'
  }
  const last = progress.states.length - 2
  for (const segment of new Set([last, randomInt(last + 1)])) {
    const { fault } = await repeatSegment(run, content, progress, segment, signal)
    if (fault) return `segment ${segment} does not hold: ${fault}`
  }
  return undefined
}
