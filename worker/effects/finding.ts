/** What a check finds. A fault of the claim is a finding; trouble of our own (nobody delivers, no memory) is an error. */
import type { Verdict, VoteReason } from '../../protocol/vote.ts'
import { AttributionError } from '../attribution/errors.ts'
import { DatanetError } from '../datanet/errors.ts'
import { EngineError } from '../engine/errors.ts'
import { StorageError } from '../storage/errors.ts'

export interface Finding {
  readonly verdict: Verdict
  readonly reason: VoteReason
  /** Tokens, steps and rows that were computed again. */
  readonly checked: number
}

export function pass(checked: number): Finding {
  return { verdict: 'pass', reason: 'none', checked }
}

export function fail(reason: VoteReason, checked = 0): Finding {
  return { verdict: 'fail', reason, checked }
}

/** For who cannot judge: its own arithmetic is not that of the job's precision class. */
export function inconclusive(reason: VoteReason): Finding {
  return { verdict: 'inconclusive', reason, checked: 0 }
}

/** True where what was thrown says that the claim's own content is wrong, not that we failed to look at it. */
export function isClaimFault(error: unknown): boolean {
  if (error instanceof StorageError) return error.code !== 'stalled' && error.code !== 'unwritable'
  if (error instanceof EngineError)
    return ['bad-adapter', 'bad-file', 'bad-input'].includes(error.code)
  return error instanceof AttributionError || error instanceof DatanetError
}
