/**
 * How many jobs come to each worker in an epoch. Jobs come independently of each other, and rendezvous hashing gives each to
 * a worker with a chance that is its share of the stake: so each worker's count follows Poisson, with that share of the mean.
 */
import { exponential } from '../gossip/jitter.ts'
import type { Streams } from '../kernel/streams.ts'

const WHOLE = 2 ** 32
/** Counts up to this are told by comparing; greater ones are so rare that they may take a loop. */
const COMPARED = 4
/** Beyond this mean e^-mean is lost in a double; such a worker has its jobs drawn in parts. */
const MOST_MEAN = 30

export class Arrivals {
  /** For each worker the chances, in 2^-32, of at most 0, 1, 2 and 3 jobs. */
  readonly #upTo: Uint32Array
  readonly #means: Float64Array
  /** Chances of no job. */
  readonly #none: Float64Array

  constructor(workers: number) {
    this.#upTo = new Uint32Array(COMPARED * workers)
    this.#means = new Float64Array(workers)
    this.#none = new Float64Array(workers)
  }

  /** @param means jobs an epoch of each worker */
  expect(means: Float64Array): void {
    this.#means.set(means)
    for (let worker = 0; worker < means.length; worker++) {
      const mean = means[worker]!
      let chance = mean > MOST_MEAN ? 0 : exponential(-mean)
      this.#none[worker] = chance
      let below = 0
      for (let count = 0; count < COMPARED; count++) {
        below += chance
        chance *= mean / (count + 1)
        this.#upTo[COMPARED * worker + count] = Math.min(WHOLE - 1, below * WHOLE)
      }
    }
  }

  /** One epoch: how many jobs come to each. */
  draw(streams: Streams, into: Uint16Array): void {
    const upTo = this.#upTo
    const drawn = into.length
    for (let worker = 0, at = 0; worker < drawn; worker++, at += COMPARED) {
      const draw = streams.uint32(worker)
      into[worker] =
        draw < upTo[at + 3]!
          ? +(draw >= upTo[at]!) + +(draw >= upTo[at + 1]!) + +(draw >= upTo[at + 2]!)
          : this.#many(worker, draw, streams)
    }
  }

  #many(worker: number, draw: number, streams: Streams): number {
    const mean = this.#means[worker]!
    if (mean <= MOST_MEAN) return countAt(mean, this.#none[worker]!, draw / WHOLE)
    let count = 0
    const parts = Math.ceil(mean / MOST_MEAN)
    for (let part = 0; part < parts; part++) {
      const none = exponential(-mean / parts)
      count += countAt(mean / parts, none, streams.uint32(worker) / WHOLE)
    }
    return count
  }
}

/** The count below which lies so much of Poisson's distribution, which begins with the chance of none. */
function countAt(mean: number, none: number, share: number): number {
  let chance = none
  let below = none
  let count = 0
  while (share >= below && chance > 0 && count < 1000) {
    count += 1
    chance *= mean / count
    below += chance
  }
  return count
}
