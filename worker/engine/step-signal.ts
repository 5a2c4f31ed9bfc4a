/** Cancelling in the engine's thread: at the border of two steps or tokens, where a message may have come in. */
import { setImmediate } from 'node:timers/promises'
import { EngineError } from './errors.ts'

export class StepSignal {
  #aborted = false
  #enough = false

  /** True after `finish`: what there is of the result is wanted, and no more. */
  get enough(): boolean {
    return this.#enough
  }

  finish(): void {
    this.#enough = true
  }

  abort(): void {
    this.#aborted = true
  }

  get aborted(): boolean {
    return this.#aborted
  }

  /** Throws `EngineError` (`aborted`) after `abort`. */
  throwIfAborted(): void {
    if (this.#aborted) throw new EngineError('aborted', 'the caller cancelled this call')
  }
}

/** Lets waiting messages in. */
export async function turn(): Promise<void> {
  await setImmediate()
}
