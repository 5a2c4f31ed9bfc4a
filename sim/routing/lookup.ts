/**
 * One search through the network, as kad-dht 16 does it: the twenty nearest that the node knows are shuffled and dealt to ten
 * paths that share nobody; each path asks up to ten at once, the nearest first, and follows only those who are nearer than
 * whoever named them and than the twenty nearest that have answered on this path.
 */
import type { Streams } from '../kernel/streams.ts'
import type { Ids, Place } from './ids.ts'
import { Nearest } from './nearest.ts'
import { K } from './table.ts'

/** kad-dht's `ALPHA`, which is its number of disjoint paths as well. */
const ALPHA = 10

export interface Answer {
  readonly closer: readonly number[]
  readonly providers: readonly number[]
}

export interface Search {
  readonly ids: Ids
  readonly asker: number
  readonly target: Place
  /** Whom it begins with. */
  readonly known: readonly number[]
  readonly dice: Streams
  /** Puts the question to a peer, whose answer comes later. */
  readonly ask: (peer: number, hear: (answer: Answer) => void) => void
  /** Is told of providers as they are named, those named before included. @returns whether that is enough */
  readonly onProviders?: (providers: readonly number[]) => boolean
  /** Is told of the nearest that have answered, the nearest first, when all paths have ended or it was enough. */
  readonly onEnd: (nearest: readonly number[]) => void
}

interface Path {
  readonly closest: Nearest
  /** Who is to be asked yet, in no order. */
  readonly waiting: number[]
  running: number
}

export class Lookup {
  /** Questions that were put. */
  asked = 0
  readonly #search: Search
  readonly #seen = new Set<number>()
  readonly #nearest: Nearest
  #open = 0
  #isOver = false

  constructor(search: Search) {
    this.#search = search
    this.#nearest = new Nearest(search.ids, search.target, K)
  }

  start(): void {
    const { asker, known, dice, ids, target } = this.#search
    const dealt = shuffled(known, dice, asker)
    const paths = Array.from({ length: Math.min(ALPHA, dealt.length) }, (_, index) => ({
      closest: new Nearest(ids, target, K),
      waiting: dealt.filter((_, place) => place % ALPHA === index),
      running: 0,
    }))
    for (const node of known) this.#seen.add(node)
    this.#open = paths.length
    if (paths.length === 0) this.#end()
    for (const path of paths) this.#go(path)
  }

  #go(path: Path): void {
    while (!this.#isOver && path.running < ALPHA && path.waiting.length > 0) {
      const peer = this.#nearestWaiting(path)
      if (!path.closest.admits(peer)) continue
      path.running += 1
      this.asked += 1
      this.#search.ask(peer, (answer) => this.#hear(path, peer, answer))
    }
    if (path.running > 0 || this.#isOver) return
    this.#open -= 1
    if (this.#open === 0) this.#end()
  }

  #nearestWaiting({ waiting }: Path): number {
    const { ids, target } = this.#search
    let best = 0
    for (let place = 1; place < waiting.length; place++) {
      if (ids.compare(waiting[place]!, waiting[best]!, target) < 0) best = place
    }
    return waiting.splice(best, 1)[0]!
  }

  #hear(path: Path, peer: number, { closer, providers }: Answer): void {
    if (this.#isOver) return
    const { ids, target, asker, onProviders } = this.#search
    path.running -= 1
    path.closest.add(peer)
    this.#nearest.add(peer)
    if (providers.length > 0 && onProviders?.(providers)) {
      this.#end()
      return
    }
    for (const node of closer) {
      if (node === asker || this.#seen.has(node)) continue
      if (ids.compare(node, peer, target) >= 0 || !path.closest.admits(node)) continue
      this.#seen.add(node)
      path.waiting.push(node)
    }
    this.#go(path)
  }

  #end(): void {
    this.#isOver = true
    this.#search.onEnd(this.#nearest.nodes)
  }
}

/** In an order of the node's own (Fisher and Yates). */
export function shuffled(nodes: readonly number[], dice: Streams, node: number): number[] {
  const dealt = [...nodes]
  for (let last = dealt.length - 1; last > 0; last--) {
    const other = dice.below(node, last + 1)
    ;[dealt[last], dealt[other]] = [dealt[other]!, dealt[last]!]
  }
  return dealt
}
