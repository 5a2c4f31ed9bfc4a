/**
 * What nodes tell their mesh as soon as a large message is there: that they need no more copies of it (IDONTWANT, GossipSub
 * v1.2). When that comes is known from when the message came, so nothing is queued for it; jitter counts by its median.
 */
import { firstOf, sizeOf } from './bits.ts'
import type { GossipRun } from './gossip-run.ts'
import { MEDIAN } from './jitter.ts'
import { type GossipScenario, MESH } from './scenario.ts'
import type { Sybils } from './sybils.ts'
import { IDONTWANT } from './wire.ts'

/** A frame with one id. */
const BYTES = 98

/** Whether messages are so large that nodes tell of them. */
export function saysEnough({ messageBytes }: GossipScenario): boolean {
  return messageBytes >= MESH.idontwantBytes
}

export class Enough {
  readonly #run: GossipRun
  readonly #sybils: Sybils
  readonly #isOn: boolean

  constructor(run: GossipRun, sybils: Sybils) {
    this.#run = run
    this.#sybils = sybils
    this.#isOn = saysEnough(run.scenario)
  }

  /** Tells the node's mesh, but for whom a message came from. */
  tell(node: number, place: number): void {
    if (!this.#isOn || !this.#isHonest(node)) return
    const { mesh, wire } = this.#run
    wire.tell(node, sizeOf(mesh.members[node]! & ~(1 << place)), IDONTWANT, BYTES)
  }

  /** Those of these links of a node whose peers have not told it by now that they have a message. */
  wanting(node: number, message: number, set: number): number {
    if (!this.#isOn) return set
    const { wire, messages } = this.#run
    const { first, peers, delaysUs } = wire.links
    const { seen, comesUs } = messages.of(message)
    const column = message & 31
    const elapsedUs = wire.wheel.nowUs - messages.publishedUs[message]!
    let wanting = set
    for (let rest = set; rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      const link = first[node]! + place
      const peer = peers[link]!
      if (((seen[peer]! >>> column) & 1) === 0) continue
      const comesAfterUs = comesUs[column * messages.nodes + peer]!
      if (comesAfterUs + (1 + MEDIAN) * delaysUs[link]! > elapsedUs) continue
      if (this.#tells(peer, link, message)) wanting &= ~(1 << place)
    }
    return wanting
  }

  /** Whether a peer tells of a message along a link: its mesh, and nobody of what it has published itself. */
  #tells(peer: number, link: number, message: number): boolean {
    const { mesh, wire, publishers } = this.#run
    const isMember = ((mesh.members[peer]! >>> wire.links.places[link]!) & 1) === 1
    return isMember && peer !== publishers[message] && this.#isHonest(peer)
  }

  #isHonest(node: number): boolean {
    return node < this.#run.scenario.nodes || this.#sybils.isGood
  }
}
