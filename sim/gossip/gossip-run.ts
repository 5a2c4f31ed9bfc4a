/** One run of depth F: what each node does with what comes to it, from joining to the last message. */
import { RunHash } from '../kernel/run-hash.ts'
import { Streams } from '../kernel/streams.ts'
import { firstOf, sizeOf, someOf } from './bits.ts'
import { Enough, saysEnough } from './enough.ts'
import { makeLinks } from './links.ts'
import { Mesh } from './mesh.ts'
import { BLOCK_MESSAGES, Messages } from './messages.ts'
import { type GossipReport, reportOf } from './report.ts'
import { DRAIN_US, type GossipScenario, JOIN_US, MESH, WARM_UP_US } from './scenario.ts'
import { Sybils } from './sybils.ts'
import { Tally } from './tally.ts'
import {
  GOODBYE,
  GRAFT,
  HEARTBEAT,
  HELLO,
  IHAVE,
  IWANT,
  JOIN,
  MESSAGE,
  OUTAGE,
  PRUNE,
  PUBLISH,
  RETURN,
  VALIDATED,
  Wire,
} from './wire.ts'

/** A message's or a control message's frame and topic on the wire, and an id in IHAVE and IWANT. */
const FRAME_BYTES = 64
const ID_BYTES = 34
const HISTORY_US = MESH.historyHeartbeats * MESH.heartbeatUs
const GOSSIP_US = MESH.gossipHeartbeats * MESH.heartbeatUs

/** What a run is given that would otherwise come of its scenario. */
export interface Staging {
  /** Added to the seed where the nodes' own choices are drawn: another mesh over the same links. */
  readonly draw?: number
  /** By node: the set of its links that is its mesh from the first message on, whatever formed before. */
  readonly meshes?: Int32Array
}

export class GossipRun {
  readonly scenario: GossipScenario
  /** Of all that happened, in order. */
  readonly hash = new RunHash()
  readonly tally = new Tally()
  readonly messages: Messages
  readonly wire: Wire
  readonly mesh: Mesh
  /** When all is over, in microseconds. */
  readonly endUs: number
  /** By message: who published it. */
  readonly publishers: number[] = []
  /** By node: when it joins for the first time, in microseconds. */
  readonly joinsUs: readonly number[]
  /** Honest nodes that take part now. */
  population = 0
  readonly #choices: Streams
  readonly #world: Streams
  /** 1 for nodes that pass nothing on, and 1 for nodes that take part now. */
  readonly #silent: Uint8Array
  readonly sybils: Sybils
  readonly #joined: Uint8Array
  readonly #upSinceUs: Float64Array
  /** Until when each node validates what it has. */
  readonly #busyUntilUs: Float64Array
  readonly #heartbeats: Uint32Array
  readonly #meshes: Int32Array | undefined
  readonly #enough: Enough
  /** The oldest message that IHAVE tells of. */
  #gossipFrom = 0

  constructor(scenario: GossipScenario, { draw = 0, meshes }: Staging = {}) {
    const { seed, messages, intervalMs } = scenario
    const nodes = scenario.nodes + scenario.sybils
    this.scenario = scenario
    // Beyond the last node is who chooses the publishers.
    this.#world = new Streams(seed, 'world', nodes + 1)
    this.#choices = new Streams(seed + draw, 'protocol', nodes)
    this.messages = new Messages(nodes, scenario.elides || saysEnough(scenario))
    this.wire = new Wire(scenario, makeLinks(scenario, this.#world), this.messages)
    this.mesh = new Mesh(nodes, scenario.degree, this.wire, this.#choices)
    this.endUs = WARM_UP_US + messages * intervalMs * 1000 + DRAIN_US
    const adversary = new Streams(seed, 'adversary', nodes)
    this.#silent = Uint8Array.from({ length: nodes }, (_, node) =>
      adversary.happens(node, scenario.silent) ? 1 : 0,
    )
    this.#joined = new Uint8Array(nodes)
    this.#upSinceUs = new Float64Array(nodes)
    this.#busyUntilUs = new Float64Array(nodes)
    this.#heartbeats = new Uint32Array(nodes)
    this.sybils = new Sybils(scenario, this.wire, this.messages)
    this.#enough = new Enough(this, this.sybils)
    this.#meshes = meshes
    this.joinsUs = Array.from({ length: nodes }, (_, node) =>
      this.sybils.isFirst(node) ? 0 : this.#choices.below(node, JOIN_US),
    )
    for (let node = 0; node < nodes; node++) this.wire.after(node, this.joinsUs[node]!, JOIN)
    this.wire.after(nodes, WARM_UP_US, PUBLISH)
    if (scenario.outage > 0) {
      this.wire.after(nodes, WARM_UP_US + scenario.outageAtMs * 1000, OUTAGE)
    }
  }

  /** Runs until then, or to the end. */
  run(untilUs = this.endUs): GossipReport {
    const { wire, hash } = this
    const { wheel } = wire
    while (wire.next(untilUs)) {
      hash.absorb(wheel.nowUs, wheel.target, wheel.kind, wheel.a ^ Math.imul(wheel.b, 0x9e3779b1))
      if (wire.arrives()) this.#handle(wheel.target, wire.place, wheel.a, wheel.b)
    }
    wire.checkConservation()
    return reportOf(this, untilUs)
  }

  #handle(node: number, place: number, a: number, b: number): void {
    switch (this.wire.kind) {
      case MESSAGE:
        this.#receive(node, place, a)
        break
      case VALIDATED:
        this.#forward(node, a, this.#enough.wanting(node, a, this.mesh.members[node]! & ~(1 << b)))
        break
      case HEARTBEAT:
        this.#beat(node)
        break
      case IHAVE:
        this.#ask(node, place, a, b)
        break
      case IWANT:
        this.#answer(node, place, a, b)
        break
      case GRAFT:
        this.mesh.grafted(node, place)
        break
      case PRUNE:
        this.mesh.pruned(node, place)
        break
      case HELLO:
        this.#meet(node, place, a === 1)
        break
      case GOODBYE:
        this.mesh.lost(node, place)
        break
      case JOIN:
        this.#join(node, false)
        break
      case RETURN:
        this.#return(node)
        break
      case PUBLISH:
        this.#publish()
        break
      case OUTAGE:
        this.#breakOut()
        break
    }
  }

  #publish(): void {
    const { nodes, sybils, messages, intervalMs } = this.scenario
    this.wire.checkConservation()
    if (this.#meshes && this.messages.published === 0) this.mesh.fix(this.#meshes)
    const publisher = this.#publisher()
    if (publisher !== undefined) {
      const { nowUs } = this.wire.wheel
      const message = this.messages.publish(nowUs, HISTORY_US)
      this.tally.published(this.population - 1)
      this.#aim(publisher)
      this.messages.see(publisher, message, nowUs)
      // Flood publishing: its own messages a node gives to all it knows.
      this.#forward(publisher, message, this.mesh.known[publisher]!)
    }
    if (this.messages.published < messages)
      this.wire.after(nodes + sybils, intervalMs * 1000, PUBLISH)
  }

  /** Notes what an attack's targets publish, and what should come to them. */
  #aim(publisher: number): void {
    const { targets } = this.scenario
    this.publishers.push(publisher)
    for (let node = 0; node < targets; node++) {
      if (node !== publisher && this.#joined[node] === 1) this.tally.expectedByTargets += 1
    }
  }

  /** An honest node that is there, the next after one drawn at random: of all, or where it is their turn of the targets. */
  #publisher(): number | undefined {
    const { nodes, targets, targetsPublish } = this.scenario
    const message = this.messages.published
    const isTargets =
      Math.floor((message + 1) * targetsPublish) > Math.floor(message * targetsPublish)
    const drawn = this.#world.below(nodes, isTargets ? targets : nodes)
    for (let tried = 0; tried < nodes; tried++) {
      const node = (drawn + tried) % nodes
      if (this.#joined[node] === 1 && this.#silent[node] === 0) return node
    }
    return undefined
  }

  #receive(node: number, place: number, message: number): void {
    const { nowUs } = this.wire.wheel
    if (!this.messages.see(node, message, nowUs)) {
      if (node < this.scenario.nodes) this.tally.duplicates += 1
      return
    }
    this.#enough.tell(node, place)
    const publishedUs = this.messages.publishedUs[message]!
    const wasThere = this.#upSinceUs[node]! <= publishedUs
    const { nodes, targets } = this.scenario
    if (node < nodes) this.tally.arrived(nowUs, node, message, nowUs - publishedUs, wasThere)
    if (node < targets && wasThere) this.tally.toTargets += 1
    this.mesh.credit(node, place)
    const doneUs = Math.max(nowUs, this.#busyUntilUs[node]!) + this.scenario.validationUs
    this.#busyUntilUs[node] = doneUs
    if (!this.#passesOn(node, message)) return
    this.wire.after(node, doneUs - nowUs, VALIDATED, message, place)
  }

  #passesOn(node: number, message: number): boolean {
    const isHonest = node < this.scenario.nodes
    const passesOn = isHonest
      ? this.#silent[node] === 0
      : this.sybils.passesOn(this.publishers[message]! < this.scenario.targets)
    if (!passesOn) this.tally[isHonest ? 'silenced' : 'attacks'] += 1
    return passesOn
  }

  #forward(node: number, message: number, set: number): void {
    const bytes = this.scenario.messageBytes + FRAME_BYTES
    this.wire.sendAll(node, set, MESSAGE, message, 0, bytes)
  }

  #beat(node: number): void {
    if (node >= this.scenario.nodes) {
      this.#plot(node)
      return
    }
    if (this.#world.happens(node, this.scenario.leavesPerHour / 3600)) {
      this.#leave(node)
      return
    }
    this.wire.after(node, MESH.heartbeatUs, HEARTBEAT)
    this.#heartbeats[node]! += 1
    this.mesh.maintain(node, this.#heartbeats[node]!)
    if (this.#silent[node] === 0) this.#gossip(node)
  }

  /** A heartbeat of an attacker's node. */
  #plot(node: number): void {
    this.wire.after(node, MESH.heartbeatUs, HEARTBEAT)
    this.#heartbeats[node]! += 1
    if (this.sybils.isGood) {
      this.mesh.maintain(node, this.#heartbeats[node]!)
      this.#gossip(node)
    } else this.sybils.act(node, this.mesh)
  }

  /** Tells some of those outside the mesh which of the newest messages the node has. */
  #gossip(node: number): void {
    const { messages, mesh } = this
    const sinceUs = this.wire.wheel.nowUs - GOSSIP_US
    while (messages.publishedUs[this.#gossipFrom]! < sinceUs) this.#gossipFrom += 1
    const outside = mesh.known[node]! & ~mesh.members[node]!
    const wanted = Math.max(MESH.dLazy, Math.floor(MESH.lazyShare * sizeOf(outside)))
    const targets = someOf(outside, wanted, this.#choices, node)
    for (let from = this.#gossipFrom; from < messages.published; ) {
      const number = from >> 5
      const has = messages.block(number).seen[node]! & (-1 << (from & 31))
      const bytes = FRAME_BYTES + ID_BYTES * sizeOf(has)
      if (has !== 0) this.wire.sendAll(node, targets, IHAVE, number, has, bytes)
      from = (number + 1) * BLOCK_MESSAGES
    }
  }

  /** Asks for those of a block's messages that the node has not seen. */
  #ask(node: number, place: number, number: number, set: number): void {
    const wanted = set & ~this.messages.block(number).seen[node]!
    if (wanted === 0) return
    this.wire.send(node, place, IWANT, number, wanted, FRAME_BYTES + ID_BYTES * sizeOf(wanted))
  }

  #answer(node: number, place: number, number: number, set: number): void {
    if (node >= this.scenario.nodes && !this.sybils.isGood) return
    const { publishedUs } = this.messages
    const sinceUs = this.wire.wheel.nowUs - HISTORY_US
    const has = set & this.messages.block(number).seen[node]!
    for (let rest = has; rest !== 0; rest &= rest - 1) {
      const message = number * BLOCK_MESSAGES + firstOf(rest)
      if (publishedUs[message]! < sinceUs) continue
      this.#forward(node, message, this.#enough.wanting(node, message, 1 << place))
    }
  }

  /** A peer says that it has joined. */
  #meet(node: number, place: number, asks: boolean): void {
    this.mesh.met(node, place)
    if (this.#joined[node] === 0) return
    if (asks) this.wire.send(node, place, HELLO, 0, 0, FRAME_BYTES)
    this.mesh.admit(node, place)
  }

  /** Takes part from now on: tells all peers, and grafts those that have joined before. */
  #join(node: number, asks: boolean): void {
    this.#joined[node] = 1
    if (node < this.scenario.nodes) this.population += 1
    this.#upSinceUs[node] = this.wire.wheel.nowUs
    this.wire.sendAll(node, this.wire.links.all[node]!, HELLO, asks ? 1 : 0, 0, FRAME_BYTES)
    this.mesh.join(node)
    this.wire.after(node, this.#choices.below(node, MESH.heartbeatUs), HEARTBEAT)
  }

  /** A share of the nodes goes away in one moment. */
  #breakOut(): void {
    const { seed, nodes, outage } = this.scenario
    // Who lies behind a NAT was drawn from these streams first.
    const dice = new Streams(seed, 'faults', 2 * nodes)
    for (let node = 0; node < nodes; node++) {
      if (dice.happens(nodes + node, outage) && this.#joined[node] === 1) this.#leave(node)
    }
  }

  #leave(node: number): void {
    const { nowUs } = this.wire.wheel
    const sinceUs = Math.max(this.#upSinceUs[node]!, nowUs - HISTORY_US)
    this.tally.excused += this.messages.missedSince(node, sinceUs)
    this.wire.sendAll(node, this.mesh.known[node]!, GOODBYE, 0, 0, FRAME_BYTES)
    this.mesh.leave(node)
    this.#joined[node] = 0
    this.population -= 1
    this.#busyUntilUs[node] = 0
    this.wire.turn(node)
    const awayUs = this.scenario.awayMs * 1000
    this.wire.after(node, awayUs / 2 + this.#world.below(node, awayUs), RETURN)
  }

  #return(node: number): void {
    this.wire.turn(node)
    this.messages.forget(node)
    this.#join(node, true)
  }
}
