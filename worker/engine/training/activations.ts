/** The memory of a run over whole texts: what no machine of this size has is refused, before the system ends the process for it. */
import { EngineError } from '../errors.ts'
import type { ModelConfig } from '../families/model-config.ts'
import { gib, MOST_MEMORY_BYTES } from '../machine.ts'

export interface RunSize {
  /** Layers whose activations are kept for the backward pass. */
  readonly layers: number
  readonly rows: number
  /** Tokens of each row. */
  readonly time: number
}

/**
 * About so many bytes at the height of a run. Of each layer the scores of all queries over all keys are kept, and what its
 * projections take and give; beside them three more of the scores, one layer's other numbers, and three times the logits are
 * alive at once. Measured on four shapes of models, of 1,024 and 2,048 tokens: 0.95 to 1.17 of what training and features took,
 * 0.7 to 0.95 of what losses did, 0.5 to 1.2 with checkpointing (onnxruntime 1.30).
 */
function activationBytes(config: ModelConfig, { layers, rows, time }: RunSize): number {
  const { heads, width, feedForward, vocabSize } = config
  const scores = (layers + 3) * heads * time
  const others = (layers + 1) * (12 * width + 7 * feedForward)
  return 4 * rows * time * (scores + others + 3 * vocabSize)
}

/** Throws `over-budget`. */
export function checkActivations(
  config: ModelConfig,
  size: RunSize,
  mostBytes = MOST_MEMORY_BYTES,
): void {
  const bytes = activationBytes(config, size)
  if (bytes <= mostBytes) return
  throw new EngineError(
    'over-budget',
    `a run over ${size.rows} texts of ${size.time} tokens takes about ${gib(bytes)}, but may take ${gib(mostBytes)} here; shorter texts take less`,
  )
}
