/**
 * What blocks have asked for a unit of gas: not all of it, but how long it has been no more than anything. Turns are taken
 * from there, or all whose turn had passed while gas was dear would act at once when it is cheap.
 */

/** Falls that are kept: a base fee falls by an eighth a block, so these are some minutes of it without a rise between. */
const MAX_FALLS = 256

interface Fall {
  readonly feeWei: bigint
  /** Time of the first block that asked for no more than this; infinitely long ago where all have. */
  readonly sinceMs: number
}

export class BaseFees {
  /** Each lower than the one before; the last is the newest block's. */
  #falls: Fall[] = []

  /** What the newest block asked for; none where blocks do not tell. */
  get newestWei(): bigint | undefined {
    return this.#falls.at(-1)?.feeWei
  }

  /** @returns whether it is known now and was not, or the reverse */
  add(feeWei: bigint | undefined, timestampMs: number): boolean {
    const wasKnown = this.#falls.length > 0
    if (feeWei === undefined) {
      this.#falls = []
      return wasKnown
    }
    const dearer = this.#falls.filter((fall) => fall.feeWei > feeWei)
    const since = wasKnown ? timestampMs : Number.NEGATIVE_INFINITY
    const sinceMs = this.#falls[dearer.length]?.sinceMs ?? since
    this.#falls = [...dearer, { feeWei, sinceMs }].slice(-MAX_FALLS)
    return !wasKnown
  }

  /** Since when no block has asked for more than this; `undefined` while the newest does. */
  noMoreThanSince(mostWei: bigint): number | undefined {
    return this.#falls.find(({ feeWei }) => feeWei <= mostWei)?.sinceMs
  }
}
