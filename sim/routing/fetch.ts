/**
 * How a node comes by a content: from the DHT alone, or as `worker/storage/fetching.ts` does it. Then all neighbours hear
 * what is wanted, and whoever the DHT names first; after five seconds each neighbour is asked straight, and after ten more
 * whoever else is known, and whom searches anywhere lead to, while tries with the providers that the DHT names go on.
 */
import { ASK_TRIPS, Asking, BLOCK_MS } from './asking.ts'
import { shuffled } from './lookup.ts'
import { DIAL_TRIPS, HAPPENS, type Network } from './network.ts'
import { K } from './table.ts'

const MS = 1000
/** Helia's bitswap asks so many providers outside of sessions, and so many in one. */
const FIRST_PROVIDERS = 3
const SESSION_PROVIDERS = 5
/** As in `worker/storage/fetching.ts` and `asking.ts`. */
const FIRST_TRY_MS = 5000
const SESSION_TRY_MS = 10_000
const SESSION_TRIES = 3
const OTHERS_AFTER_MS = 10_000
const MOST_ASKED = 1000
const WALKS = 12

/** Where the block came from in the end. */
export type Source = 'neighbours' | 'providers' | 'asking' | 'around'

export class Fetch {
  readonly node: number
  readonly sinceUs: number
  foundUs = Number.NaN
  endUs = Number.NaN
  source: Source | undefined
  /** Whether a lookup named somebody who has it. */
  hasProvider = false
  readonly #network: Network
  readonly #onEnd: () => void
  readonly #failed = new Set<number>()

  /** @param onEnd is told when it is over, once */
  constructor(network: Network, node: number, onEnd: () => void) {
    this.#network = network
    this.node = node
    this.#onEnd = onEnd
    this.sinceUs = network.nowUs
  }

  get tookUs(): number {
    return this.foundUs - this.sinceUs
  }

  get isFound(): boolean {
    return this.source !== undefined
  }

  start(): void {
    const { fetching, asking } = this.#network.scenario
    if (fetching === 'dht') {
      this.#findProviders(K, () => this.#end())
      return
    }
    for (const peer of this.#network.neighboursOf(this.node)) {
      if (this.#network.isHolder(peer)) this.#receive(peer, 1, 'neighbours')
    }
    this.#findProviders(FIRST_PROVIDERS, () => undefined)
    this.#timer(FIRST_TRY_MS, () => {
      if (asking === 'one') this.#askInTurn(() => this.#tryInTurn(SESSION_TRIES))
      else this.#askMany()
    })
  }

  /** Neighbours and others are asked beside tries with providers; and neighbours once more, when both have come to nothing. */
  #askMany(): void {
    let open = 2
    const done = () => {
      open -= 1
      if (open > 0 || this.isFound) return
      const last = this.#asking('asking', () => this.#end())
      last.add(this.#network.neighboursOf(this.node), true)
    }
    const asking = this.#asking('asking', done)
    const asked = new Set(this.#network.neighboursOf(this.node))
    asking.add(asked, false)
    this.#timer(OTHERS_AFTER_MS, () => {
      asking.add(this.#fresh(this.#network.tableOf(this.node).nodes, asked), false)
      asking.whenDry(() => this.#walk(asking, asked, WALKS))
    })
    this.#tryProviders(SESSION_TRIES, done)
  }

  #asking(near: Source, onEnd: () => void): Asking {
    const network = this.#network
    const neighbours = new Set(network.neighboursOf(this.node))
    const onBlock = (peer: number) => this.#have(neighbours.has(peer) ? near : 'around')
    return new Asking(network, this.node, this.#failed, onBlock, onEnd)
  }

  /** Asks those nearest to a place that nobody can foresee, and again when these have answered. */
  #walk(asking: Asking, asked: Set<number>, left: number): void {
    if (this.isFound) return
    if (left === 0) {
      asking.add([], true)
      return
    }
    const network = this.#network
    network.search(this.node, network.anyPlace(this.node), (nearest) => {
      if (this.isFound) return
      asking.add(this.#fresh(nearest, asked), false)
      asking.whenDry(() => this.#walk(asking, asked, left - 1))
    })
  }

  /** Those not asked yet, in no order that anybody could choose. */
  #fresh(peers: readonly number[], asked: Set<number>): number[] {
    const fresh = peers.filter((peer) => peer !== this.node && !asked.has(peer))
    const chosen = shuffled(fresh, this.#network.choices, this.node)
    const taken = chosen.slice(0, Math.max(0, MOST_ASKED - asked.size))
    for (const peer of taken) asked.add(peer)
    return taken
  }

  #tryProviders(left: number, then: () => void): void {
    if (left === 0) {
      then()
      return
    }
    this.#findProviders(SESSION_PROVIDERS, () => undefined)
    this.#timer(SESSION_TRY_MS, () => this.#tryProviders(left - 1, then))
  }

  /** As it was before: neighbours one after the other, each to the end, between tries with providers; and nobody else. */
  #tryInTurn(left: number): void {
    if (left === 0) {
      this.#end()
      return
    }
    this.#findProviders(SESSION_PROVIDERS, () => undefined)
    this.#timer(SESSION_TRY_MS, () => this.#askInTurn(() => this.#tryInTurn(left - 1)))
  }

  #askInTurn(then: () => void): void {
    const neighbours = [...this.#network.neighboursOf(this.node)]
    const next = (index: number) => {
      const peer = neighbours[index]
      if (this.isFound) return
      if (peer === undefined) then()
      else this.#askOne(peer, 'asking', () => next(index + 1))
    }
    next(0)
  }

  #timer(afterMs: number, act: () => void): void {
    this.#network.after(MS * afterMs, this.node, HAPPENS.timer, () => {
      if (!this.isFound) act()
    })
  }

  /** Providers that a lookup names are dialled and asked as they come, up to so many. */
  #findProviders(enough: number, then: () => void): void {
    const network = this.#network
    const named = new Set<number>()
    let open = 1
    const done = () => {
      open -= 1
      if (open === 0) then()
    }
    const onProviders = (providers: readonly number[]): boolean => {
      for (const provider of providers) {
        if (named.has(provider) || named.size >= enough) continue
        named.add(provider)
        if (network.isHolder(provider)) this.hasProvider = true
        open += 1
        this.#askOne(provider, 'providers', done)
      }
      return named.size >= enough
    }
    network.search(this.node, network.population.content, done, { onProviders })
  }

  /** @param then where it gives nothing */
  #askOne(peer: number, source: Source, then: () => void): void {
    const network = this.#network
    const isNear = network.neighboursOf(this.node).has(peer)
    const trips = ASK_TRIPS + (isNear ? 0 : DIAL_TRIPS)
    if (network.isHolder(peer)) {
      this.#receive(peer, trips + 1, source)
      return
    }
    if (network.isSybil(peer)) network.counters.attacks += 1
    const stallsUs = network.isStaller(peer) ? MS * BLOCK_MS : 0
    const afterUs = network.tripsUs(this.node, peer, trips) + stallsUs
    network.after(afterUs, this.node, HAPPENS.answer, then)
  }

  #receive(peer: number, trips: number, source: Source): void {
    const network = this.#network
    const afterUs = network.tripsUs(this.node, peer, trips)
    network.after(afterUs, this.node, HAPPENS.block, () => this.#have(source))
  }

  #have(source: Source): void {
    if (this.isFound) return
    this.source = source
    this.foundUs = this.#network.nowUs
    this.#end()
  }

  #end(): void {
    if (!Number.isNaN(this.endUs)) return
    this.endUs = this.#network.nowUs
    this.#onEnd()
  }
}
