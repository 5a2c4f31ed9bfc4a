/** How a cancelled training tells what it has done. */
import { EngineError } from '../errors.ts'
import type { Trained } from '../requests.ts'

/** A training that was cancelled, with all steps that were completed: going on from `trained.state` gives the same bits. */
export class TrainingStopped extends EngineError {
  readonly trained: Trained

  constructor(trained: Trained) {
    super('aborted', `the caller cancelled this training after step ${trained.state.step}`)
    this.trained = trained
  }
}
