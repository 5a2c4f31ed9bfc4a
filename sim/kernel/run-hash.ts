/**
 * A rolling hash of all that happened, in order: 64 bits as two lanes of 32. Every 2^16 events the lanes are noted, so
 * that two runs which differ can be followed to where they first did.
 */
export const CHECKPOINT_EVENTS = 2 ** 16

export class RunHash {
  events = 0
  #a = 0x6a09e667
  #b = 0xbb67ae85 | 0
  /** Two lanes for each checkpoint, in turn. */
  readonly #checkpoints: number[] = []

  /** @param atUs whole microseconds; `who`, `what` and `detail` count by their lower 32 bits. */
  absorb(atUs: number, who: number, what: number, detail: number): void {
    this.#word(atUs | 0)
    this.#word((atUs / 2 ** 32) ^ who)
    this.#word(what)
    this.#word(detail)
    this.events += 1
    if (this.events % CHECKPOINT_EVENTS === 0) this.#checkpoints.push(this.#a, this.#b)
  }

  /** 16 hexadecimal digits. */
  get digest(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }

  /**
   * The number of the first event that may differ from another run's: the one after the last checkpoint that both passed
   * alike. Undefined where the runs are equal. A lane once different stays so, hence the search by halves.
   */
  firstDifference(other: RunHash): number | undefined {
    if (this.events === other.events && this.digest === other.digest) return undefined
    let alike = 0
    let end = Math.min(this.#checkpoints.length, other.#checkpoints.length) / 2
    while (alike < end) {
      const middle = (alike + end) >> 1
      if (this.#isAlike(other, middle)) alike = middle + 1
      else end = middle
    }
    return alike * CHECKPOINT_EVENTS
  }

  #isAlike(other: RunHash, checkpoint: number): boolean {
    const at = 2 * checkpoint
    return [at, at + 1].every((lane) => this.#checkpoints[lane] === other.#checkpoints[lane])
  }

  /** Either lane is a bijection of itself for each word, and of the word for each lane. */
  #word(word: number): void {
    const a = Math.imul(this.#a ^ word, 0x9e3779b1)
    this.#a = (a << 13) | (a >>> 19)
    const b = Math.imul((this.#b + word) | 0, 0x85ebca77)
    this.#b = (b << 17) | (b >>> 15)
  }
}

/** A quick hash of a text, to tell runs apart (FNV-1a). */
export function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
