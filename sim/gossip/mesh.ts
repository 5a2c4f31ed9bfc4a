/** Who passes messages on to whom: joined, grafted, pruned and kept in bounds as GossipSub v1.1 does. */
import type { Streams } from '../kernel/streams.ts'
import { firstOf, sizeOf, someOf } from './bits.ts'
import { MESH, meshSizes } from './scenario.ts'
import { GRAFT, PRUNE, type Wire } from './wire.ts'

/** Frame, topic and what a control message names, on the wire. */
const CONTROL_BYTES = 64

export class Mesh {
  /** Sets of each node's links: peers in its mesh, and peers known to have joined. */
  readonly members: Int32Array
  readonly known: Int32Array
  /** By link: what the peer delivered first, halved in time. */
  readonly #scores: Float32Array
  /** By link: no graft before this, in milliseconds. */
  readonly #backoffMs: Int32Array
  /** By link: when the peer was met, and when it came into the mesh, among all that happened. */
  readonly #metAt: Int32Array
  readonly #memberAt: Int32Array
  readonly #sizes: ReturnType<typeof meshSizes>
  #isFixed = false
  #count = 0
  readonly #wire: Wire
  readonly #streams: Streams

  constructor(nodes: number, degree: number, wire: Wire, streams: Streams) {
    this.#sizes = meshSizes(degree)
    this.members = new Int32Array(nodes)
    this.known = new Int32Array(nodes)
    this.#scores = new Float32Array(wire.links.peers.length)
    this.#backoffMs = new Int32Array(wire.links.peers.length)
    this.#metAt = new Int32Array(wire.links.peers.length)
    this.#memberAt = new Int32Array(wire.links.peers.length)
    this.#wire = wire
    this.#streams = streams
  }

  /** From now on each node's mesh is this set of its links, and stays it. */
  fix(meshes: Int32Array): void {
    this.members.set(meshes)
    this.#isFixed = true
  }

  /** Takes in as many as a full mesh has, of those that have joined before. */
  join(node: number): void {
    this.#graft(node, this.#free(node), this.#sizes.d - sizeOf(this.members[node]!))
  }

  /** A peer says that it has joined. */
  met(node: number, place: number): void {
    if (((this.known[node]! >>> place) & 1) === 1) return
    this.known[node]! |= 1 << place
    this.#metAt[this.#wire.links.first[node]! + place] = ++this.#count
  }

  /** A peer that is met comes into a mesh that is too small at once, and not at the next heartbeat. */
  admit(node: number, place: number): void {
    const isWanted = sizeOf(this.members[node]!) < this.#sizes.dLow
    if (isWanted && !this.#isFixed) this.#graft(node, this.#free(node) & (1 << place), 1)
  }

  /** A peer wants the node in its mesh. */
  grafted(node: number, place: number): void {
    if (this.#isFixed) return
    const bit = 1 << place
    const isDialled = (this.#wire.links.dialled[node]! & bit) !== 0
    const isFull = sizeOf(this.members[node]!) >= this.#sizes.dHigh && !isDialled
    if ((this.members[node]! & bit) !== 0) return
    if (isFull || this.#backsOff(node, place)) this.#prune(node, bit)
    else this.#take(node, place)
  }

  pruned(node: number, place: number): void {
    if (this.#isFixed) return
    this.members[node]! &= ~(1 << place)
    this.#backOff(node, place)
  }

  /** A peer is gone, and with it what it was known for. */
  lost(node: number, place: number): void {
    this.members[node]! &= ~(1 << place)
    this.known[node]! &= ~(1 << place)
    this.#scores[this.#wire.links.first[node]! + place] = 0
  }

  /** The node is gone. */
  leave(node: number): void {
    this.members[node] = 0
    this.known[node] = 0
    const { first } = this.#wire.links
    this.#scores.fill(0, first[node], first[node + 1])
    this.#backoffMs.fill(0, first[node], first[node + 1])
  }

  /** What an attacker's node does: it asks to be let into every mesh, whatever it was told before. */
  press(node: number): void {
    this.#graft(node, this.known[node]! & ~this.members[node]!, 32)
  }

  /** A peer was the first to bring a message. */
  credit(node: number, place: number): void {
    this.#scores[this.#wire.links.first[node]! + place]! += 1
  }

  /** @param heartbeat the node's heartbeats so far */
  maintain(node: number, heartbeat: number): void {
    if (this.#isFixed) return
    if (heartbeat % MESH.scoreHalvedHeartbeats === 0) this.#halveScores(node)
    const before = sizeOf(this.members[node]!)
    if (before < this.#sizes.dLow) this.#graft(node, this.#free(node), this.#sizes.d - before)
    if (before > this.#sizes.dHigh) this.#shrink(node)
    const size = sizeOf(this.members[node]!)
    const outbound = this.members[node]! & this.#wire.links.dialled[node]!
    if (size >= this.#sizes.dLow && sizeOf(outbound) < this.#sizes.dOut) {
      const free = this.#free(node) & this.#wire.links.dialled[node]!
      this.#graft(node, free, this.#sizes.dOut - sizeOf(outbound))
    }
    if (heartbeat % MESH.opportunisticHeartbeats === 0) this.#graftBetter(node)
  }

  /** Keeps the best, then those that were dialled as far as they are wanted, then others at random. */
  #shrink(node: number): void {
    const members = this.members[node]!
    let kept = 0
    for (const place of this.#byScore(node).slice(0, this.#sizes.dScore)) kept |= 1 << place
    const dialled = this.#wire.links.dialled[node]!
    const wanted = Math.max(0, this.#sizes.dOut - sizeOf(kept & dialled))
    kept |= someOf(members & ~kept & dialled, wanted, this.#streams, node)
    kept |= someOf(members & ~kept, this.#sizes.d - sizeOf(kept), this.#streams, node)
    this.#prune(node, members & ~kept)
  }

  /** Where half of the mesh delivers less than the best outside it do, two of these come in. */
  #graftBetter(node: number): void {
    const ranked = this.#byScore(node)
    const median = ranked[ranked.length >> 1]
    if (median === undefined) return
    const first = this.#wire.links.first[node]!
    const least = this.#scores[first + median]!
    let better = 0
    for (let rest = this.#free(node); rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      if (this.#scores[first + place]! > least) better |= 1 << place
    }
    this.#graft(node, better, MESH.opportunisticGrafts)
  }

  /** Places of the mesh's members, the best first, and of equals whoever has been there longest. */
  #byScore(node: number): number[] {
    const places = placesOf(this.members[node]!)
    const first = this.#wire.links.first[node]!
    return places.sort(
      (a, b) =>
        this.#scores[first + b]! - this.#scores[first + a]! ||
        this.#memberAt[first + a]! - this.#memberAt[first + b]!,
    )
  }

  /** Who has joined, is not in the mesh, and may be grafted. */
  #free(node: number): number {
    let free = this.known[node]! & ~this.members[node]!
    for (let rest = free; rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      if (this.#backsOff(node, place)) free &= ~(1 << place)
    }
    return free
  }

  #graft(node: number, set: number, wanted: number): void {
    const chosen = this.#chosen(node, set, wanted)
    for (let rest = chosen; rest !== 0; rest &= rest - 1) this.#take(node, firstOf(rest))
    this.#wire.sendAll(node, chosen, GRAFT, 0, 0, CONTROL_BYTES)
  }

  #take(node: number, place: number): void {
    this.members[node]! |= 1 << place
    this.#memberAt[this.#wire.links.first[node]! + place] = ++this.#count
  }

  /**
   * As many of the set as wanted, as the library draws them: it shuffles all that it knows by exchanging each with any, which
   * favours those that joined early. Their meshes are overfull more often, and more is pruned than after fair draws.
   */
  #chosen(node: number, set: number, wanted: number): number {
    if (sizeOf(set) <= wanted) return set
    const first = this.#wire.links.first[node]!
    const places = placesOf(this.known[node]! | set)
    places.sort((a, b) => this.#metAt[first + a]! - this.#metAt[first + b]!)
    for (let index = 0; index < places.length; index++) {
      const other = this.#streams.below(node, places.length)
      const place = places[index]!
      places[index] = places[other]!
      places[other] = place
    }
    let chosen = 0
    for (const place of places) {
      if (sizeOf(chosen) < wanted) chosen |= set & (1 << place)
    }
    return chosen
  }

  #prune(node: number, set: number): void {
    this.members[node]! &= ~set
    for (let rest = set; rest !== 0; rest &= rest - 1) this.#backOff(node, firstOf(rest))
    this.#wire.sendAll(node, set, PRUNE, 0, 0, CONTROL_BYTES)
  }

  #backOff(node: number, place: number): void {
    const untilUs = this.#wire.wheel.nowUs + MESH.backoffUs
    this.#backoffMs[this.#wire.links.first[node]! + place] = Math.ceil(untilUs / 1000)
  }

  #backsOff(node: number, place: number): boolean {
    const untilMs = this.#backoffMs[this.#wire.links.first[node]! + place]!
    return untilMs > this.#wire.wheel.nowUs / 1000
  }

  #halveScores(node: number): void {
    const { first } = this.#wire.links
    for (let link = first[node]!; link < first[node + 1]!; link++) this.#scores[link]! /= 2
  }
}

/** The members of a set, the lowest first. */
function placesOf(set: number): number[] {
  const places: number[] = []
  for (let rest = set; rest !== 0; rest &= rest - 1) places.push(firstOf(rest))
  return places
}
