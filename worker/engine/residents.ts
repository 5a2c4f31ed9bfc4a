/**
 * Inputs that stay in a provider's own memory from run to run: what does not change is handed over once. Eight adapters of
 * a model of half a billion parameters are hundreds of megabytes, which would cross to a GPU for every token.
 */

/** A tensor in the provider's memory. */
export interface Resident {
  dispose(): void
}

/** Runs that a tensor outlives without being fed: prompts are read in turn with the steps of others. */
const IDLE_RUNS = 4

export class Residents<Input extends object, Held extends Resident> {
  readonly #upload: (input: Input) => Promise<Held>
  readonly #held = new Map<Input, { readonly tensor: Held; lastRun: number }>()
  #runs = 0

  constructor(upload: (input: Input) => Promise<Held>) {
    this.#upload = upload
  }

  /** The tensor of an input, which is told from others by identity. */
  async of(input: Input): Promise<Held> {
    let held = this.#held.get(input)
    if (held === undefined) {
      held = { tensor: await this.#upload(input), lastRun: this.#runs }
      this.#held.set(input, held)
    }
    held.lastRun = this.#runs
    return held.tensor
  }

  /** What a run made of one input is what will be fed as another from here on. */
  replace(old: Input, next: Input, tensor: Held): void {
    this.#held.get(old)?.tensor.dispose()
    this.#held.delete(old)
    this.#held.set(next, { tensor, lastRun: this.#runs })
  }

  /** Says that a run is over: what has not been fed for a while is let go. */
  endRun(): void {
    this.#runs++
    for (const [input, { tensor, lastRun }] of this.#held) {
      const idleRuns = this.#runs - lastRun - 1
      if (idleRuns <= IDLE_RUNS) continue
      this.#held.delete(input)
      tensor.dispose()
    }
  }

  [Symbol.dispose](): void {
    for (const { tensor } of this.#held.values()) tensor.dispose()
    this.#held.clear()
  }
}
