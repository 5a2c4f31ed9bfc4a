/**
 * Turns at taking what several have promised: one at first, so that a slow line brings a thing once; and each time that
 * patience has run out, twice as many, so that who promises and does not give holds nobody up for long.
 */
export class Turns {
  readonly #patienceMs: number
  readonly #waiting: (() => void)[] = []
  #allowed = 1
  #taking = 0
  #timer: NodeJS.Timeout | undefined

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** Waits for a turn. Who has had one says so with `pass`. */
  take(): Promise<void> {
    this.#timer ??= setInterval(() => {
      this.#allowed *= 2
      this.#admit()
    }, this.#patienceMs).unref()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#admit()
    })
  }

  /** One that had a turn has got nothing. */
  pass(): void {
    this.#taking -= 1
    this.#admit()
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #admit(): void {
    while (this.#taking < this.#allowed && this.#waiting.length > 0) {
      this.#taking += 1
      this.#waiting.shift()?.()
    }
  }
}
