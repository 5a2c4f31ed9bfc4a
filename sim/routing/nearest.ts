/** The nodes nearest to a place that have been seen, as many as there is room for: kad-dht's `PeerDistanceList`. */
import type { Ids, Place } from './ids.ts'

export class Nearest {
  readonly #ids: Ids
  readonly #target: Place
  readonly #room: number
  readonly #nodes: number[] = []

  constructor(ids: Ids, target: Place, room: number) {
    this.#ids = ids
    this.#target = target
    this.#room = room
  }

  /** The nearest first. */
  get nodes(): readonly number[] {
    return this.#nodes
  }

  /** Whether there is room for it, or it is nearer than the last. */
  admits(node: number): boolean {
    if (this.#nodes.length < this.#room) return true
    return this.#ids.compare(node, this.#nodes[this.#room - 1]!, this.#target) < 0
  }

  add(node: number): void {
    if (!this.admits(node)) return
    let place = this.#nodes.length
    while (place > 0 && this.#ids.compare(node, this.#nodes[place - 1]!, this.#target) < 0) place--
    if (this.#nodes.includes(node)) return
    this.#nodes.splice(place, 0, node)
    if (this.#nodes.length > this.#room) this.#nodes.pop()
  }
}
