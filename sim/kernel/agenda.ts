/** The wheel with a thing of any kind to each record: for those who run objects instead of numbers. */
import { Wheel } from './wheel.ts'

export class Agenda<Payload> {
  readonly #wheel: Wheel
  /** What belongs to the records that wait, by slot; a slot is used again. */
  readonly #payloads: (Payload | undefined)[] = []
  readonly #free: number[] = []

  /** @param buckets how far the wheel reaches, in 128 µs: fewer are made sooner, where a world is small. */
  constructor(buckets?: number) {
    this.#wheel = new Wheel(buckets)
  }

  /** Time of what was taken last, or up to which there was nothing, in microseconds. */
  get nowUs(): number {
    return this.#wheel.nowUs
  }

  get size(): number {
    return this.#wheel.size
  }

  /** @see Wheel.push for times, sources and sequences. */
  push(atUs: number, source: number, sequence: number, payload: Payload): void {
    const slot = this.#free.at(-1) ?? this.#payloads.length
    this.#wheel.push(atUs, source, sequence, slot, 0, 0, 0)
    this.#free.pop()
    this.#payloads[slot] = payload
  }

  /** Takes out what comes next; undefined where nothing is due by `untilUs`. */
  next(untilUs?: number): Payload | undefined {
    if (!this.#wheel.next(untilUs)) return undefined
    const slot = this.#wheel.target
    const payload = this.#payloads[slot]
    this.#payloads[slot] = undefined
    this.#free.push(slot)
    return payload
  }
}
