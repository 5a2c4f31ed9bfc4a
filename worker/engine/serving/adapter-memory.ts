/**
 * Memory that threads share, for adapters, within a number of bytes. What is given back is given out again: the runtime
 * does not see how much lies in shared memory, so it would not collect it in time.
 */

/** Given-back memory serves an adapter that takes up to a quarter less. */
const LEAST_FILL = 0.8

export class AdapterMemory {
  readonly #limitBytes: number
  readonly #free: SharedArrayBuffer[] = []
  #heldBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Bytes given out, and those that wait to be given out again. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Undefined where there is no room left until something is given back. */
  take(bytes: number): SharedArrayBuffer | undefined {
    const known = this.#free.findIndex(
      ({ byteLength }) => byteLength >= bytes && bytes >= LEAST_FILL * byteLength,
    )
    if (known >= 0) return this.#free.splice(known, 1)[0]
    while (this.#heldBytes + bytes > this.#limitBytes) {
      const useless = this.#free.shift()
      if (useless === undefined) return undefined
      this.#heldBytes -= useless.byteLength
    }
    this.#heldBytes += bytes
    return new SharedArrayBuffer(bytes)
  }

  /** Nobody may read it any more. */
  giveBack(memory: SharedArrayBuffer): void {
    this.#free.push(memory)
  }
}
