/**
 * One run of depth T: blocks of a file go from those who have them to those who want them, until all have it or nothing more
 * can come. A block leaves through its server's uplink, travels, and comes in through the getter's downlink, each of them one
 * block after the other.
 */
import { RunHash } from '../kernel/run-hash.ts'
import { Streams } from '../kernel/streams.ts'
import { Wheel } from '../kernel/wheel.ts'
import { takesUs } from './access.ts'
import { ASKED_OF_ALL, COMING, Holdings, MISSING } from './holdings.ts'
import { makePopulation, type Population } from './population.ts'
import type { TransferScenario } from './scenario.ts'
import { Uplinks } from './uplinks.ts'

/** Kinds of what happens: to a wanter, to whom it has asked, and to the block. */
const WANTS = 1
const ASKED = 2
const SENT = 3
const ARRIVED = 4
const RECEIVED = 5
const IMPATIENT = 6

export class TransferRun {
  readonly scenario: TransferScenario
  readonly population: Population
  readonly holdings: Holdings
  readonly uplinks: Uplinks
  /** Of all that happened, in order. */
  readonly hash = new RunHash()
  readonly wheel = new Wheel()
  /** By node: when it had the whole file, in microseconds; NaN for who has not got it. */
  readonly doneUs: Float64Array
  /** Bytes that came and were of use, from holders and from others; and bytes that came for nothing. */
  fromHolders = 0
  fromOthers = 0
  wasted = 0
  readonly counters = { done: 0, left: 0, wrongBlocks: 0, copies: 0, givenUp: 0 }
  readonly #isActive: Uint8Array
  /** 1 for links along which nothing is asked or taken any more. */
  readonly #isClo: Uint8Array
  /** By link: blocks that its owner has asked for along it and not got. */
  readonly #owed: Int32Array
  readonly #downFreeUs: Float64Array
  readonly #sequences: Uint32Array
  /** Where each looks first for somebody to ask. */
  readonly #turns: Uint32Array
  readonly #choices: Streams

  constructor(scenario: TransferScenario) {
    const { seed, nodes } = scenario
    this.scenario = scenario
    this.population = makePopulation(scenario)
    this.holdings = new Holdings(scenario)
    this.uplinks = new Uplinks(nodes, this.holdings.blocks)
    this.doneUs = new Float64Array(nodes).fill(Number.NaN)
    this.#isActive = new Uint8Array(nodes)
    const { holders, wanters, wantsUs, links } = this.population
    this.#isClo = new Uint8Array(links.peers.length)
    this.#owed = new Int32Array(links.peers.length)
    this.#downFreeUs = new Float64Array(nodes)
    this.#sequences = new Uint32Array(nodes)
    this.#turns = new Uint32Array(nodes)
    this.#choices = new Streams(seed, 'protocol', nodes)
    for (let node = 0; node < nodes; node++) {
      if (node < holders || this.isPoisoned(node)) this.#hold(node)
    }
    for (let node = holders; node < holders + wanters; node++) {
      this.#push(node, wantsUs[node]!, node, WANTS, 0, 0)
    }
  }

  /** Whether all that want it have it, or are gone, or nothing more can come. */
  get isOver(): boolean {
    const { done, left } = this.counters
    return done + left === this.population.wanters || this.wheel.size === 0
  }

  isPoisoned(node: number): boolean {
    return node >= this.scenario.nodes - this.population.poisoned
  }

  /** Runs until then, or to the end. */
  run(untilUs = Number.POSITIVE_INFINITY): void {
    const { wheel, hash } = this
    while (!this.isOver && wheel.next(untilUs)) {
      hash.absorb(wheel.nowUs, wheel.target, wheel.kind, wheel.a ^ Math.imul(wheel.b, 0x9e3779b1))
      this.#handle(wheel.target, wheel.a, wheel.b)
    }
  }

  /** @param link always the getter's own, whoever something happens to */
  #handle(node: number, link: number, block: number): void {
    switch (this.wheel.kind) {
      case WANTS:
        this.#isActive[node] = 1
        this.#fill(node)
        break
      case ASKED:
        this.#serve(node, link, block)
        break
      case SENT:
        this.#sent(node, link, block)
        break
      case ARRIVED:
        this.#arrived(node, link, block)
        break
      case RECEIVED:
        this.#received(node, link, block)
        break
      case IMPATIENT:
        this.#askAgain(node, link, block)
        break
    }
  }

  /** Has the file before anything happens, or says so. */
  #hold(node: number): void {
    this.holdings.fill(node)
    for (let block = 0; block < this.holdings.blocks; block++) this.#tell(node, block)
  }

  /** Asks for as many blocks as may be awaited. */
  #fill(node: number): void {
    const { holdings, scenario } = this
    if (this.#isActive[node] === 0) return
    const ofOne = scenario.asking === 'one'
    while (holdings.awaited[node]! < scenario.inFlight) {
      const from =
        scenario.order === 'file'
          ? holdings.lowestMissing(node)
          : this.#choices.below(node, holdings.blocks)
      const block = holdings.next(node, from, ofOne)
      if (block < 0) return
      if (ofOne) this.#ask(node, block)
      else this.#askAll(node, block)
    }
  }

  #ask(node: number, block: number): void {
    const link = this.#leastOwing(node, block, Number.POSITIVE_INFINITY)
    this.holdings.await(node, block, link)
    this.#askAlong(link, block)
  }

  #askAlong(link: number, block: number): void {
    const { owners, peers, delaysUs } = this.population.links
    const node = owners[link]!
    this.#owed[link]! += 1
    this.#push(node, delaysUs[link]!, peers[link]!, ASKED, link, block)
    const { patienceMs } = this.scenario
    if (patienceMs > 0) this.#push(node, 1000 * patienceMs, node, IMPATIENT, link, block)
  }

  /** Those that have it will send it; those that have it not will when they get it. */
  #askAll(node: number, block: number): void {
    const { first, peers, delaysUs } = this.population.links
    this.holdings.await(node, block, ASKED_OF_ALL)
    for (let link = first[node]!; link < first[node + 1]!; link++) {
      const peer = peers[link]!
      if (this.#isClo[link] === 1 || !this.#gives(peer, block)) continue
      this.#push(node, delaysUs[link]!, peer, ASKED, link, block)
    }
  }

  /** The link to a neighbour that has the block and owes fewer than that; of several the next in turn; or -1. */
  #leastOwing(node: number, block: number, than: number): number {
    const { first, peers } = this.population.links
    const start = first[node]!
    const count = first[node + 1]! - start
    const turn = this.#turns[node]!++
    let [best, least] = [-1, than]
    for (let step = 0; step < count && least > 0; step++) {
      const link = start + ((turn + step) % count)
      if (this.#owed[link]! >= least || this.#isClo[link] === 1) continue
      if (!this.#gives(peers[link]!, block)) continue
      best = link
      least = this.#owed[link]!
    }
    return best
  }

  #gives(node: number, block: number): boolean {
    if (!this.holdings.has(node, block)) return false
    const { scenario, population } = this
    return scenario.serving === 'everyone' || node < population.holders || this.isPoisoned(node)
  }

  /** Loses patience with a neighbour, not with what is coming in already. It may still come from there. */
  #askAgain(node: number, link: number, block: number): void {
    const { holdings } = this
    if (holdings.viaOf(node, block) !== link) return
    const other = this.#leastOwing(node, block, this.#owed[link]!)
    if (other < 0) {
      this.#push(node, 1000 * this.scenario.patienceMs, node, IMPATIENT, link, block)
      return
    }
    this.counters.givenUp += 1
    this.#owed[link]! -= 1
    holdings.forgo(node, block)
    holdings.await(node, block, other)
    this.#askAlong(other, block)
  }

  #serve(server: number, link: number, block: number): void {
    if (this.#isClo[link] === 1) return
    this.uplinks.push(server, link, block)
    this.#send(server)
  }

  #send(server: number): void {
    this.uplinks.start(
      server,
      (link, block) => this.#isWanted(link, block),
      (link, block) => {
        const tookUs = takesUs(this.holdings.bytesOf(block), this.population.upMbps[server]!)
        this.#push(server, tookUs, server, SENT, link, block)
      },
    )
  }

  /** A want of one neighbour is taken back where it is met elsewhere; one of all is not. */
  #isWanted(link: number, block: number): boolean {
    if (this.#isClo[link] === 1) return false
    if (this.scenario.asking === 'all') return true
    return this.holdings.viaOf(this.population.links.owners[link]!, block) === link
  }

  #sent(server: number, link: number, block: number): void {
    const { owners, delaysUs } = this.population.links
    this.uplinks.finish(server, this.holdings.bytesOf(block))
    if (this.#isClo[link] === 0) {
      this.#push(server, delaysUs[link]!, owners[link]!, ARRIVED, link, block)
    }
    this.#send(server)
  }

  #arrived(node: number, link: number, block: number): void {
    if (this.#isClo[link] === 1) return
    if (this.holdings.viaOf(node, block) === link) {
      this.holdings.come(node, block)
      this.#owed[link]! -= 1
    }
    const { nowUs } = this.wheel
    const tookUs = takesUs(this.holdings.bytesOf(block), this.population.downMbps[node]!)
    const doneUs = Math.max(nowUs, this.#downFreeUs[node]!) + tookUs
    this.#downFreeUs[node] = doneUs
    this.#push(node, doneUs - nowUs, node, RECEIVED, link, block)
  }

  /** Only now, when all of the block is there, can its hash be checked. */
  #received(node: number, link: number, block: number): void {
    if (this.#isActive[node] === 0) return
    const bytes = this.holdings.bytesOf(block)
    const peer = this.population.links.peers[link]!
    if (this.isPoisoned(peer)) {
      this.wasted += bytes
      this.counters.wrongBlocks += 1
      if (this.holdings.viaOf(node, block) === COMING) this.holdings.forgo(node, block)
      if (this.#isClo[link] === 0) this.#close(link)
      else this.#fill(node)
    } else if (this.holdings.has(node, block)) {
      this.wasted += bytes
      this.counters.copies += 1
    } else {
      if (peer < this.population.holders) this.fromHolders += bytes
      else this.fromOthers += bytes
      this.#take(node, block)
    }
  }

  #take(node: number, block: number): void {
    const { holdings, scenario, counters } = this
    const wasFull = holdings.awaited[node] === scenario.inFlight
    const via = holdings.viaOf(node, block)
    if (via >= 0) this.#owed[via]! -= 1
    holdings.take(node, block)
    if (holdings.isWhole(node)) {
      this.doneUs[node] = this.wheel.nowUs
      counters.done += 1
    }
    if (scenario.serving === 'everyone') this.#tell(node, block)
    const isHalf = 2 * holdings.had[node]! >= holdings.blocks
    if (isHalf && this.population.leaves[node] === 1 && !holdings.isWhole(node)) this.#leave(node)
    // Who awaited fewer than it may has asked for all that its neighbours have.
    else if (wasFull) this.#fill(node)
  }

  /** Neighbours hear at once of a block that a node has now. */
  #tell(node: number, block: number): void {
    const { holdings, scenario } = this
    const { first, peers, backs } = this.population.links
    for (let link = first[node]!; link < first[node + 1]!; link++) {
      const back = backs[link]!
      if (this.#isClo[back] === 1) continue
      const peer = peers[link]!
      holdings.near[peer * holdings.blocks + block]! += 1
      if (this.#isActive[peer] === 0) continue
      const via = holdings.viaOf(peer, block)
      if (scenario.asking === 'all') {
        if (via !== MISSING) this.#serve(node, back, block)
      } else if (via === MISSING && holdings.awaited[peer]! < scenario.inFlight) {
        this.#ask(peer, block)
      }
    }
  }

  /** Its owner has nothing to do with that neighbour any more, and looks elsewhere for what it was to come from there. */
  #close(link: number): void {
    const { holdings } = this
    const { owners, peers } = this.population.links
    const [node, peer] = [owners[link]!, peers[link]!]
    this.#isClo[link] = 1
    this.#owed[link] = 0
    for (let block = 0; block < holdings.blocks; block++) {
      if (holdings.has(peer, block)) holdings.near[node * holdings.blocks + block]! -= 1
      if (holdings.viaOf(node, block) === link) holdings.forgo(node, block)
    }
    this.#fill(node)
  }

  #leave(node: number): void {
    const { first, backs } = this.population.links
    this.counters.left += 1
    this.#isActive[node] = 0
    this.uplinks.clear(node)
    for (let link = first[node]!; link < first[node + 1]!; link++) {
      for (const end of [link, backs[link]!]) if (this.#isClo[end] === 0) this.#close(end)
    }
  }

  #push(
    source: number,
    afterUs: number,
    target: number,
    kind: number,
    link: number,
    block: number,
  ) {
    const atUs = this.wheel.nowUs + afterUs
    this.wheel.push(atUs, source, this.#sequences[source]!++, target, kind, link, block)
  }
}
