/** The posted batches that count, by number. Numbers follow each other, and what is taken back goes from the newest on. */
import type { PostedBatch } from './ledger.ts'

export class Batches extends Map<number, PostedBatch> {
  #last = 0

  /** Number of the newest; 0 where there is none. */
  get last(): number {
    return this.#last
  }

  override set(number: number, batch: PostedBatch): this {
    this.#last = Math.max(this.#last, number)
    return super.set(number, batch)
  }

  override delete(number: number): boolean {
    const wasThere = super.delete(number)
    while (this.#last > 0 && !this.has(this.#last)) this.#last -= 1
    return wasThere
  }
}
