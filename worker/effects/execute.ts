/** `execute`: does the job that has fallen to this worker, streaming its text to whoever ordered it. */
import type { Event, Result } from '../../coordinator-free/events.ts'
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { RefusalReason } from '../../protocol/refusal.ts'
import { recoverPublicKey } from '../../protocol/signature.ts'
import { CodedError } from '../errors.ts'
import type { Peer } from '../network/peer.ts'
import { peerIdOf } from '../network/peer-id.ts'
import { sendTokens } from '../network/tokens.ts'
import type { Performer, Runtime } from '../runtime.ts'
import type { ContentStore } from '../storage/content.ts'
import type { Logger } from '../telemetry/logger.ts'
import { executeAnswer } from './answer.ts'
import { isContentFault } from './finding.ts'
import type { Knowledge } from './knowledge.ts'
import { Pace } from './pace.ts'
import { takeOver } from './take-over.ts'
import { TextQueue } from './text-queue.ts'
import { executeTune } from './tune.ts'
import type { Run } from './tuning.ts'

export interface ExecuteOptions {
  readonly runtime: Runtime
  readonly knowledge: Knowledge
  readonly content: ContentStore
  readonly peer: Peer
  readonly log: Logger
  readonly useAdapter: boolean
  /** Hash of a block, once it is mined. */
  readonly blockHash: (number: number, signal: AbortSignal) => Promise<Hash>
}

const MICRO = 1_000_000
const MIB = 1024 * 1024

class TooSlow extends Error {
  constructor(allMs: number) {
    super(`it would take ${Math.ceil(allMs / 60_000)} minutes, longer than a worker's turn`)
  }
}

export function performExecute(options: ExecuteOptions): Performer<'execute'> {
  const { runtime, knowledge, content, log, blockHash } = options
  return async ({ jobId, job, states }, signal) => {
    const startedAtMs = Date.now()
    let state: Cid | '' = ''
    let fetchedMib = 0
    const onProgress = (done: number, total: number, loss = 0): void => {
      const lossMicro = Math.round(loss * MICRO)
      const all = total === 0 ? 0 : fetchedMib + total
      const progress = { done: fetchedMib + done, total: all, lossMicro, state }
      runtime.dispatch({ kind: 'progressed', jobId, ...progress })
    }
    // Whoever has to fetch the model gets on, too, and keeps its turn.
    const onBytes = (bytes: number): void => {
      fetchedMib = Math.ceil(bytes / MIB)
      onProgress(0, 0)
    }
    const executed = (result: Result) => {
      log.info({ jobId, tookMs: Date.now() - startedAtMs }, 'job executed')
      return { kind: 'executed', jobId, result } as const
    }
    const refused = (error: unknown): Event => {
      const reason = refusalFor(error, knowledge.isFaulty(job.model))
      if (!reason) throw error
      log.warn({ jobId, reason, error: (error as Error).message }, 'job refused')
      return { kind: 'refused', jobId, reason }
    }
    log.info({ jobId, task: job.task }, 'job begun')
    try {
      await knowledge.fetch(job.model, signal, onBytes)
    } catch (error) {
      return refused(error)
    }
    if (job.task === 'fine-tune') {
      const seed = await blockHash(job.seedBlock, signal)
      const pace = new Pace(job, Date.now())
      const slow = new AbortController()
      const hooks = {
        signal: AbortSignal.any([signal, slow.signal]),
        onProgress: (done: number, total: number, loss: number) => {
          onProgress(done, total, loss)
          const allMs = pace.tooLong(done, total, Date.now())
          if (allMs !== undefined) slow.abort(new TooSlow(allMs))
        },
        onStored: (stored: Cid) => {
          state = stored
        },
        takeOver: (run: Run, known: number) =>
          takeOver(run, content, { jobId, known, states, signal, log }),
      }
      return executeTune(knowledge, content, jobId, job, seed, hooks)
        .then(executed)
        .catch((error: unknown) => refused(slow.signal.aborted ? slow.signal.reason : error))
    }
    const texts = new TextQueue()
    // Not waited for: whoever takes no text keeps no claim back.
    void streamTo(options, jobId, texts, signal)
    const hooks = {
      signal,
      onText: (text: string) => texts.push(text),
      onProgress,
      useAdapter: options.useAdapter,
    }
    try {
      return await executeAnswer(knowledge, content, jobId, job, hooks).then(executed, refused)
    } finally {
      texts.end()
    }
  }
}

/**
 * What nobody could do as it is ordered, or this machine not at all, or not in time, is refused, so that the turn passes on;
 * anything else is tried again.
 */
function refusalFor(error: unknown, isModelFaulty: boolean): RefusalReason | undefined {
  if (error instanceof TooSlow) return 'slow'
  if (isContentFault(error)) return 'order'
  // Told by name, since errors that come out of a thread have lost their class.
  if (!(error instanceof CodedError) || error.name !== 'EngineError') return undefined
  if (error.code === 'unsupported-model' || isModelFaulty) return 'model'
  if (error.code === 'not-finite') return 'order'
  if (error.code === 'busy') return 'busy'
  return error.code === 'over-budget' ? 'memory' : undefined
}

/** Sends text to the requester while it comes. Nobody listening is no failure: the claim brings the whole answer. */
async function streamTo(
  { runtime, peer, log }: ExecuteOptions,
  jobId: Hash,
  texts: TextQueue,
  signal: AbortSignal,
): Promise<void> {
  const envelope = runtime.core.ledger.jobs.get(jobId)?.envelope
  const publicKey = envelope && recoverPublicKey(envelope.digest, envelope.signature)
  if (!publicKey) return
  try {
    await sendTokens(peer, peerIdOf(publicKey), jobId, texts, signal)
  } catch (error) {
    log.debug({ jobId, error }, 'tokens not delivered')
  }
}
