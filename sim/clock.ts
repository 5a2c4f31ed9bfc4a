/** Virtual time: a heap of what is to happen. Equal times keep the order in which they were set. */
export class Clock {
  nowMs: number
  readonly #heap: Timed[] = []
  #count = 0

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  after(delayMs: number, action: () => void): void {
    this.#heap.push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.#count++, action })
    this.#rise(this.#heap.length - 1)
  }

  /** Runs the next thing and moves time to it; false where nothing is left before `untilMs`. */
  step(untilMs: number): boolean {
    const next = this.#heap[0]
    if (!next || next.atMs > untilMs) return false
    const last = this.#heap.pop()!
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink(0)
    }
    this.nowMs = next.atMs
    next.action()
    return true
  }

  #rise(index: number): void {
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(index, parent)) return
      this.#swap(index, parent)
      index = parent
    }
  }

  #sink(index: number): void {
    for (;;) {
      let first = index
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < this.#heap.length && this.#before(child, first)) first = child
      }
      if (first === index) return
      this.#swap(index, first)
      index = first
    }
  }

  #before(a: number, b: number): boolean {
    const left = this.#heap[a]!
    const right = this.#heap[b]!
    return left.atMs === right.atMs ? left.order < right.order : left.atMs < right.atMs
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a]!
    this.#heap[a] = this.#heap[b]!
    this.#heap[b] = held
  }
}

interface Timed {
  readonly atMs: number
  readonly order: number
  readonly action: () => void
}
