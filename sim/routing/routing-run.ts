/**
 * One run of depth K. Holders tell the DHT what they have; attackers come in between, or before; then some look for the
 * content, and others for the network, who want the content when they have been there for a minute.
 */
import { Streams } from '../kernel/streams.ts'
import { Fetch } from './fetch.ts'
import { shuffled } from './lookup.ts'
import { HAPPENS, Network } from './network.ts'
import { Newcomer } from './newcomer.ts'
import type { Population } from './population.ts'
import { countOf } from './population.ts'
import type { RoutingScenario } from './scenario.ts'

const MINUTE_US = 60_000_000
/** When attackers come, where they come at all, and when holders tell the DHT, where they do so only then. */
const SYBILS_US = MINUTE_US
const TELL_US = { before: 0, after: 1.5 * MINUTE_US } as const
const LOOK_US = 2 * MINUTE_US
/** What is drawn of a newcomer's neighbours: gossipsub's `degree` in a worker. */
const MESH = 6

/** What a newcomer has after a minute. */
export interface Standing {
  readonly neighbours: number
  readonly honest: number
  /** Whether of six neighbours drawn at random one is honest. */
  readonly isInMesh: boolean
}

export class RoutingRun {
  readonly network: Network
  readonly fetches: Fetch[] = []
  readonly standings: Standing[] = []
  /** Nodes that holders told of the content, each as often as it was told, and those of them that are attackers'. */
  told = 0
  swallowed = 0
  #over = 0
  readonly #dice: Streams

  constructor(scenario: RoutingScenario, population?: Population) {
    this.network = new Network(scenario, population)
    this.#dice = new Streams(scenario.seed, 'faults', countOf(scenario))
    const { network } = this
    const at = (atUs: number, node: number, act: () => void) =>
      network.after(atUs, node, HAPPENS.timer, act)
    for (let holder = 0; holder < scenario.holders; holder++) {
      at(TELL_US[scenario.published], holder, () => this.#tell(holder))
    }
    at(SYBILS_US, 0, () => network.letSybilsIn())
    const { holders, fetchers, nodes, newcomers } = scenario
    for (let node = holders; node < holders + fetchers; node++)
      at(LOOK_US, node, () => this.#fetch(node))
    for (let node = nodes; node < nodes + newcomers; node++)
      at(LOOK_US, node, () => this.#join(node))
  }

  get wanting(): number {
    return this.network.scenario.fetchers + this.network.scenario.newcomers
  }

  get isOver(): boolean {
    return this.#over === this.wanting
  }

  /** Runs until then, or to the end. */
  run(untilUs = Number.POSITIVE_INFINITY): void {
    this.network.run(untilUs, () => this.isOver)
  }

  /** Hands its record to the nearest that it finds; attackers take it in and show it to nobody. */
  #tell(holder: number): void {
    const { network } = this
    const { records, population } = network
    const record = (at: number) => {
      const told = records.get(at) ?? new Set()
      records.set(at, told.add(holder))
    }
    record(holder)
    network.search(holder, population.content, (nearest) => {
      this.told += nearest.length
      for (const peer of nearest) {
        if (network.isSybil(peer)) this.swallowed += 1
        else record(peer)
      }
    })
  }

  #fetch(node: number): void {
    const fetch = new Fetch(this.network, node, () => {
      this.#over += 1
    })
    this.fetches.push(fetch)
    fetch.start()
  }

  #join(node: number): void {
    const { network } = this
    const { scenario } = network
    const honest = shuffled(range(scenario.nodes), this.#dice, node)
    const false_ = shuffled(network.sybils, this.#dice, node)
    const given = honest.slice(0, scenario.bootstraps).map((address, index) => {
      const lot = this.#dice.uint32(node)
      const isFalse = lot < scenario.misleading * 2 ** 32
      return isFalse ? false_[index % false_.length]! : address
    })
    const remembered = honest.slice(scenario.bootstraps, scenario.bootstraps + scenario.remembered)
    new Newcomer(network, node, network.nowUs + MINUTE_US).start([...given, ...remembered])
    network.after(MINUTE_US, node, HAPPENS.timer, () => {
      this.#judge(node)
      this.#fetch(node)
    })
  }

  #judge(node: number): void {
    const { network } = this
    const neighbours = [...network.neighboursOf(node)]
    const mesh = shuffled(neighbours, this.#dice, node).slice(0, MESH)
    const isHonest = (peer: number) => !network.isSybil(peer)
    this.standings.push({
      neighbours: neighbours.length,
      honest: neighbours.filter(isHonest).length,
      isInMesh: mesh.some(isHonest),
    })
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
