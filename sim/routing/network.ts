/** What nodes say to one another at depth K, and when; everything that happens goes through here. */
import { Agenda } from '../kernel/agenda.ts'
import { RunHash } from '../kernel/run-hash.ts'
import { Streams } from '../kernel/streams.ts'
import { acrossFrom, anyPlace, type Place } from './ids.ts'
import { type Answer, Lookup, shuffled } from './lookup.ts'
import { Nearest } from './nearest.ts'
import { countOf, makePopulation, type Population } from './population.ts'
import type { RoutingScenario } from './scenario.ts'
import { K, RoutingTable } from './table.ts'

/** Round trips until a new connection can be used: TCP, noise, yamux, identify. */
export const DIAL_TRIPS = 4
/** Peers that a flooding attacker names in one answer; kad-dht takes as many as come. */
const FLOOD = 100

interface Happening {
  readonly node: number
  readonly what: number
  readonly act: () => void
}

/** For the run's hash. */
export const HAPPENS = { answer: 1, timer: 2, connected: 3, block: 4 } as const

export class Network {
  readonly scenario: RoutingScenario
  readonly population: Population
  /** Of all that happened, in order. */
  readonly hash = new RunHash()
  /** Who told whom that it has the content: by whom it was told to. */
  readonly records = new Map<number, Set<number>>()
  /** What attackers answered; questions of all lookups. */
  readonly counters = { attacks: 0, asked: 0 }
  readonly choices: Streams
  areSybilsThere = false
  readonly #agenda = new Agenda<Happening>(32)
  readonly #sequences: Uint32Array
  readonly #tables = new Map<number, RoutingTable>()
  readonly #neighbours = new Map<number, Set<number>>()

  constructor(scenario: RoutingScenario, population = makePopulation(scenario)) {
    this.scenario = scenario
    this.population = population
    const count = countOf(scenario)
    this.choices = new Streams(scenario.seed, 'protocol', count)
    this.#sequences = new Uint32Array(count)
  }

  get nowUs(): number {
    return this.#agenda.nowUs
  }

  isSybil(node: number): boolean {
    return node >= this.scenario.nodes + this.scenario.newcomers
  }

  /** Promises what it does not give. */
  isStaller(node: number): boolean {
    return this.scenario.tale === 'stall' && this.isSybil(node)
  }

  isHolder(node: number): boolean {
    return node < this.scenario.holders
  }

  get sybils(): number[] {
    const first = this.scenario.nodes + this.scenario.newcomers
    return Array.from({ length: this.scenario.sybils }, (_, index) => first + index)
  }

  /** Runs what happens until then, or until it is over. */
  run(untilUs: number, isOver: () => boolean): void {
    while (!isOver()) {
      const happening = this.#agenda.next(untilUs)
      if (!happening) return
      this.hash.absorb(this.nowUs, happening.node, happening.what, this.counters.asked)
      happening.act()
    }
  }

  after(delayUs: number, node: number, what: number, act: () => void): void {
    const sequence = this.#sequences[node]!++
    this.#agenda.push(Math.round(this.nowUs + delayUs), node, sequence, { node, what, act })
  }

  /** One way there and back, so many times. */
  tripsUs(from: number, to: number, trips: number): number {
    return 2 * trips * this.population.wayUs(from, to)
  }

  /** From when on attackers are there: each has dialled each honest node, and stands in its table where there is room. */
  letSybilsIn(): void {
    this.areSybilsThere = true
    this.#neighbours.clear()
    for (const [node, table] of this.#tables) this.#offerSybils(node, table)
  }

  /** Whom a node knows: one that has long been there was offered everybody, in an order of its own. */
  tableOf(node: number): RoutingTable {
    const known = this.#tables.get(node)
    if (known) return known
    const table = new RoutingTable(this.population.ids)
    this.#tables.set(node, table)
    if (node >= this.scenario.nodes) return table
    for (const other of this.#honestBeside(node)) table.offer(other)
    if (this.areSybilsThere) this.#offerSybils(node, table)
    return table
  }

  /**
   * Whom a node is connected to. Where there are too many, those that came last are dropped, but not the twenty nearest;
   * of one that has long been there attackers came last.
   */
  neighboursOf(node: number): Set<number> {
    const known = this.#neighbours.get(node)
    if (known) return known
    const neighbours = new Set<number>()
    this.#neighbours.set(node, neighbours)
    if (node >= this.scenario.nodes) return neighbours
    const sybils = this.areSybilsThere ? shuffled(this.sybils, this.choices, node) : []
    const others = [...this.#honestBeside(node), ...sybils]
    const close = new Nearest(this.population.ids, this.population.ids.at(node), K)
    for (const other of others) close.add(other)
    for (const other of [...close.nodes, ...others]) {
      if (neighbours.size < this.scenario.connections) neighbours.add(other)
    }
    return neighbours
  }

  /** Puts a question to a peer, over a new connection where there is none. */
  ask(asker: number, peer: number, target: Place, hear: (answer: Answer) => void): void {
    this.counters.asked += 1
    const trips = this.neighboursOf(asker).has(peer) ? 1 : 1 + DIAL_TRIPS
    this.after(this.tripsUs(asker, peer, trips), asker, HAPPENS.answer, () => {
      hear(this.isSybil(peer) ? this.#mislead(asker, target) : this.#answer(peer, asker, target))
    })
  }

  /** Begins a search among those that a node knows. */
  search(
    asker: number,
    target: Place,
    onEnd: (nearest: readonly number[]) => void,
    options: {
      readonly onProviders?: (providers: readonly number[]) => boolean
      readonly onAnswer?: (peer: number, answer: Answer) => void
    } = {},
  ): void {
    const { onProviders, onAnswer } = options
    const lookup = new Lookup({
      ...{ ids: this.population.ids, asker, target, onEnd, dice: this.choices },
      known: this.tableOf(asker).nearest(target),
      ask: (peer, hear) =>
        this.ask(asker, peer, target, (answer) => {
          onAnswer?.(peer, answer)
          hear(answer)
        }),
      ...(onProviders && { onProviders }),
    })
    lookup.start()
  }

  /** A place anywhere, or one in the half of the space where this node is not. */
  anyPlace(node: number): Place {
    return anyPlace(this.choices, node)
  }

  placeAcross(node: number): Place {
    return acrossFrom(this.population.ids.at(node), this.choices, node)
  }

  #honestBeside(node: number): number[] {
    const others = Array.from({ length: this.scenario.nodes }, (_, other) => other)
    return shuffled(others, this.choices, node).filter((other) => other !== node)
  }

  #offerSybils(node: number, table: RoutingTable): void {
    for (const sybil of shuffled(this.sybils, this.choices, node)) table.offer(sybil)
  }

  #answer(peer: number, asker: number, target: Place): Answer {
    const isAboutContent = target === this.population.content
    const providers = isAboutContent ? [...(this.records.get(peer) ?? [])] : []
    return { closer: this.tableOf(peer).nearest(target, asker), providers }
  }

  /** What an attacker answers: its like, and where it lies, that its like has the content. */
  #mislead(asker: number, target: Place): Answer {
    this.counters.attacks += 1
    const { sybils } = this
    const nearest = new Nearest(this.population.ids, target, K)
    for (const sybil of sybils) nearest.add(sybil)
    const isLie = target === this.population.content && this.scenario.tale === 'lies'
    const flood =
      this.scenario.attack === 'table'
        ? shuffled(sybils, this.choices, asker).slice(0, FLOOD - K)
        : []
    return {
      closer: [...new Set([...nearest.nodes, ...flood])],
      providers: isLie ? nearest.nodes : [],
    }
  }
}
