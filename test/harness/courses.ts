/** Fine-tunes whose adapter is one number, for tests of what is done with states. */
import type { Run } from '../../worker/effects/tuning.ts'
import { EngineError, type EngineErrorCode } from '../../worker/engine/errors.ts'
import type { ExamplesRequest, TrainRequest } from '../../worker/engine/requests.ts'
import { hashNumber } from './messages.ts'

/** Two steps a segment, and one in the last. */
export const BOUNDARIES = [0, 2, 4, 6, 8, 9]

export interface Course {
  readonly patience: number
  /** Held-out loss after so many steps. */
  readonly heldOut?: Readonly<Record<number, number>>
  readonly failAt?: number
  /** Receives the number of each step that is taken. */
  readonly steps?: number[]
}

/** Weights from which the engine does not train, and how it says so. */
function refusalOf(weight: number): EngineErrorCode | undefined {
  if (Number.isNaN(weight)) return 'bad-adapter'
  return weight > 1e30 ? 'not-finite' : undefined
}

/** A run whose adapter is one number, the steps taken so far. */
export function runWith({ patience, heldOut = {}, failAt, steps = [] }: Course): Run {
  const one = (value: number): Float32Array => Float32Array.of(value)
  const model = {
    info: { loraSize: 1, graphHash: hashNumber(7) },
    train: async ({ state, batches }: TrainRequest) => {
      const losses: number[] = []
      for (const index of batches.keys()) {
        const step = state.step + index
        const refusal = refusalOf(state.theta[0]!)
        if (refusal) throw new EngineError(refusal, 'these are no weights')
        if (step === failAt) throw new Error('on purpose')
        steps.push(step)
        losses.push(step)
      }
      const step = state.step + batches.length
      return {
        state: { theta: one(step), m: one(0), v: one(0), step },
        losses: Float32Array.from(losses),
        witness: Uint8Array.from(losses),
      }
    },
    loss: async ({ adapter }: ExamplesRequest) => one(heldOut[adapter![0]!]!),
  }
  const run = {
    model,
    spec: { patience, dropout: 0, exampleTokens: 16, steps: 9 },
    seed: hashNumber(3),
    corpus: { examples: [{ tokens: [1, 2] }] },
    heldOut: [0],
    initial: { theta: one(0), m: one(0), v: one(0), step: 0 },
    steps: Array.from({ length: 9 }, () => [0]),
    boundaries: BOUNDARIES,
  }
  // Only what training looks at.
  return run as unknown as Run
}
