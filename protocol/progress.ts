/** How far a fine-tune has come: what another worker goes on from when the one at work falls silent. */
import { z } from 'zod'
import { boundaryState, loss, MAX_STEPS } from './adapter.ts'
import { type DocumentValue, document } from './document.ts'
import { bytes32 } from './fields.ts'
import { MAX_STATES } from './witness.ts'

/** The largest state that is handed on: 22 million LoRA parameters with both moments. Larger runs begin anew. */
export const MAX_STATE_BYTES = 256 * 1024 * 1024

export const Progress = document(
  'progress',
  1024 * 1024,
  z.strictObject({
    jobId: bytes32,
    /** What else the run depends on: hash of the job's seed block, and of the graphs that ran. */
    seed: bytes32,
    graph: bytes32,
    /** Size of the file of each state. */
    stateBytes: z.number().int().min(1).max(MAX_STATE_BYTES),
    /** Before the first step and after each segment so far. */
    states: z.array(boundaryState).min(1).max(MAX_STATES),
    /** Of each segment so far, the seal of its witness. */
    seals: z.array(bytes32).max(MAX_STATES - 1),
    /** Mean loss of the batch of each step that was taken. */
    losses: z.array(loss).max(MAX_STEPS),
    /** Mean loss on the held-out examples of each of the states; none where the spec has no patience. */
    heldOutLosses: z.array(loss).max(MAX_STATES),
  }),
)
export type Progress = DocumentValue<typeof Progress>
