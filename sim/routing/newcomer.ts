/**
 * How a node comes to know the network: it dials the addresses that it has, looks for its own id and across the space, as
 * kad-dht does when it starts, and then again and again, as `worker/network/acquaint.ts` does. Whoever is named in an answer
 * is pinged, and so is a neighbour from then on.
 */
import type { Answer } from './lookup.ts'
import { Nearest } from './nearest.ts'
import { DIAL_TRIPS, HAPPENS, type Network } from './network.ts'
import { K } from './table.ts'

const MS = 1000
/** kad-dht's `QUERY_SELF_INITIAL_INTERVAL`. */
const FIRST_LOOK_MS = 1000
/** As in `worker/network/acquaint.ts`. */
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 4000
/** As in `worker/network/acquaint.ts`: peers found elsewhere that are kept when there are too many. */
const MOST_KEPT = 100
/** kad-dht's `PING_NEW_CONTACT_MAX_QUEUE_SIZE` with those under way. */
const MOST_PINGS = 120

export class Newcomer {
  readonly node: number
  readonly #network: Network
  readonly #pinging = new Set<number>()
  /** Those that looks elsewhere ended with, the oldest first. */
  readonly #kept = new Set<number>()
  readonly #untilUs: number
  #looks = 0

  /** @param untilUs when it looks no more */
  constructor(network: Network, node: number, untilUs: number) {
    this.#network = network
    this.node = node
    this.#untilUs = untilUs
  }

  start(addresses: readonly number[]): void {
    for (const peer of addresses) this.#meet(peer)
    this.#network.after(MS * FIRST_LOOK_MS, this.node, HAPPENS.timer, () => {
      this.#look(this.#ownPlace, () => {
        this.#look(this.#network.placeAcross(this.node), () => undefined)
        this.#lookAgain(FIRST_WAIT_MS)
      })
    })
  }

  get #ownPlace() {
    return this.#network.population.ids.at(this.node)
  }

  #lookAgain(waitMs: number): void {
    this.#network.after(MS * waitMs, this.node, HAPPENS.timer, () => {
      if (this.#network.nowUs >= this.#untilUs) return
      const isElsewhere = this.#network.scenario.looking === 'wide' && this.#looks++ % 3 > 0
      const place = isElsewhere ? this.#network.anyPlace(this.node) : this.#ownPlace
      this.#look(place, (nearest) => {
        if (isElsewhere) for (const peer of nearest) this.#keep(peer)
        this.#lookAgain(Math.min(2 * waitMs, LONGEST_WAIT_MS))
      })
    })
  }

  /** The nearest to a place that nobody can foresee: of attackers there are as many among them as among all. */
  #keep(peer: number): void {
    this.#kept.delete(peer)
    this.#kept.add(peer)
    const [oldest] = this.#kept
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    this.#meet(peer)
  }

  #look(place: { high: number; low: number }, then: (nearest: readonly number[]) => void): void {
    const onAnswer = (peer: number, { closer }: Answer) => {
      this.#connect(peer)
      for (const named of closer) this.#meet(named)
    }
    this.#network.search(this.node, place, then, { onAnswer })
  }

  /** Dials and pings a peer; it counts when it has answered. */
  #meet(peer: number): void {
    const network = this.#network
    if (peer === this.node || this.#pinging.has(peer)) return
    if (network.neighboursOf(this.node).has(peer) || this.#pinging.size >= MOST_PINGS) return
    this.#pinging.add(peer)
    const pingUs = network.tripsUs(this.node, peer, DIAL_TRIPS + 1)
    network.after(pingUs, this.node, HAPPENS.connected, () => {
      this.#pinging.delete(peer)
      this.#connect(peer)
    })
  }

  #connect(peer: number): void {
    const network = this.#network
    const neighbours = network.neighboursOf(this.node)
    network.tableOf(this.node).offer(peer)
    neighbours.add(peer)
    if (neighbours.size <= network.scenario.connections) return
    const { ids } = network.population
    const close = new Nearest(ids, this.#ownPlace, K)
    for (const neighbour of neighbours) close.add(neighbour)
    const isHeld = (neighbour: number) =>
      close.nodes.includes(neighbour) || this.#kept.has(neighbour)
    const dropped = [...neighbours].reverse().find((last) => !isHeld(last))
    neighbours.delete(dropped ?? peer)
  }
}
