/** What a check finds. A fault of the claim is a finding; trouble of our own (nobody delivers, no memory) is an error. */
import { NOTHING_SEEN, type Seen } from '../../protocol/opening.ts'
import type { Verdict, VoteReason } from '../../protocol/vote.ts'
import { StorageError } from '../storage/errors.ts'
import type { Base } from './knowledge.ts'

export interface Finding {
  readonly verdict: Verdict
  readonly reason: VoteReason
  /** Tokens, steps and rows that were computed again. */
  readonly checked: number
  /** What only a run of the model shows; `NOTHING_SEEN` where the claim did not pass. */
  readonly seen: Seen
}

export function pass(checked: number, seen: Seen): Finding {
  return { verdict: 'pass', reason: 'none', checked, seen }
}

export function fail(reason: VoteReason, checked = 0): Finding {
  return { verdict: 'fail', reason, checked, seen: NOTHING_SEEN }
}

/**
 * Equal bits are equal on whatever machine; but where this machine's arithmetic is not that of the precision class, bits
 * that differ say nothing of the worker.
 */
export function excuse({ model }: Pick<Base, 'model'>, found: Finding): Finding {
  if (found.verdict !== 'fail' || model.info.exact) return found
  return { ...found, verdict: 'inconclusive', reason: 'not-exact' }
}

/** Codes of a `StorageError` that say nothing of the content itself. */
const OUR_TROUBLE: ReadonlySet<unknown> = new Set(['stalled', 'withheld', 'unwritable'])

/**
 * Reads what a claim commits to. What nobody delivers then counts against the claim, with patience.
 * @throws StorageError `withheld` in the place of `stalled`
 */
export async function committed<T>(reading: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if (signal.aborted || !isMiss(error)) throw error
    const message = `No peer delivers all that the claim commits to: ${error.message}`
    throw new StorageError('withheld', message, { cause: error })
  }
}

/** True where nobody delivered in time, also where a wait of ours ran out first. */
function isMiss(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const isStalled = error.name === 'StorageError' && Reflect.get(error, 'code') === 'stalled'
  return isStalled || error.name === 'TimeoutError'
}

/** True where the engine cannot work with the weights that it was given: they hold no numbers, or nothing finite comes of them. */
function isOfWeights(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'EngineError') return false
  const code: unknown = Reflect.get(error, 'code')
  return code === 'bad-adapter' || code === 'not-finite'
}

/** What work over a claim's weights comes to, or this where the engine cannot work with them. */
export async function unlessOfWeights<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isOfWeights(error)) throw error
    return otherwise
  }
}

/**
 * True where what was thrown says that the content itself is wrong, a claim's or what an order names, not that we failed
 * to look at it. Told by name, since errors that come out of a thread have lost their class.
 */
export function isContentFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code: unknown = Reflect.get(error, 'code')
  if (error.name === 'StorageError') return !OUR_TROUBLE.has(code)
  if (error.name === 'EngineError') return code === 'bad-adapter' || code === 'bad-input'
  return error.name === 'AttributionError' || error.name === 'DatanetError'
}
