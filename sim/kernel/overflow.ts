/** Records too far ahead for the wheel: a heap by time alone, for the wheel orders what comes into its buckets. */
import { RECORD_WORDS } from './records.ts'

export class Overflow {
  /** Time of the first record; infinite where there is none. */
  firstUs = Number.POSITIVE_INFINITY
  readonly #times: number[] = []
  /** Slots in heap order; a slot's words lie at slot × RECORD_WORDS. */
  readonly #heap: number[] = []
  readonly #free: number[] = []
  #words = new Int32Array(16 * RECORD_WORDS)

  get size(): number {
    return this.#heap.length
  }

  /** Source of the first record. */
  get source(): number {
    return this.#words[this.#heap[0]! * RECORD_WORDS]!
  }

  push(
    atUs: number,
    source: number,
    sequence: number,
    target: number,
    kind: number,
    a: number,
    b: number,
  ): void {
    const slot = this.#free.pop() ?? this.#times.length
    this.#times[slot] = atUs
    if ((slot + 1) * RECORD_WORDS > this.#words.length) {
      const larger = new Int32Array(2 * this.#words.length)
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words.set([source, sequence, target, kind, a, b], slot * RECORD_WORDS)
    this.#rise(slot)
    this.firstUs = this.#times[this.#heap[0]!]!
  }

  /** Takes the first record out and writes its words to `words`, from `at` on. */
  shift(words: Int32Array, at: number): void {
    const first = this.#heap[0]!
    const last = this.#heap.pop()!
    const from = first * RECORD_WORDS
    for (let word = 0; word < RECORD_WORDS; word++) words[at + word] = this.#words[from + word]!
    this.#free.push(first)
    if (this.#heap.length > 0) this.#sink(last)
    this.firstUs = this.#heap.length > 0 ? this.#times[this.#heap[0]!]! : Number.POSITIVE_INFINITY
  }

  #rise(slot: number): void {
    const times = this.#times
    const heap = this.#heap
    let place = heap.length
    heap.push(slot)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (times[heap[parent]!]! <= times[slot]!) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = slot
  }

  /** Lets a slot sink from the top, which is vacant. */
  #sink(slot: number): void {
    const times = this.#times
    const heap = this.#heap
    let place = 0
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && times[heap[child + 1]!]! < times[heap[child]!]!) child += 1
      if (times[heap[child]!]! >= times[slot]!) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = slot
  }
}
