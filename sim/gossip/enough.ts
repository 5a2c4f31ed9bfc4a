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
    const { ways } = wire
    const { comesUs } = messages.of(message)
    const from = (message & 31) * messages.nodes
    const elapsedUs = wire.wheel.nowUs - messages.publishedUs[message]!
    const first = ways.first(node)
    let wanting = set
    for (let rest = set; rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      const peer = ways.peer(first + place)
      // What is known to come to a peer by now has come, if the peer is there.
      const comesAfterUs = comesUs[from + peer]!
      if (comesAfterUs + (1 + MEDIAN) * ways.delayUs(first + place) > elapsedUs) continue
      if (this.#tells(peer, ways.place(first + place), message)) wanting &= ~(1 << place)
    }
    return wanting
  }

  /** Whether a peer tells of a message along its link at this place: its mesh, and nobody of what it has published itself. */
  #tells(peer: number, place: number, message: number): boolean {
    const { mesh, wire, publishers } = this.#run
    const isMember = ((mesh.members[peer]! >>> place) & 1) === 1
    const isThere = (wire.lives[peer]! & 1) === 0
    return isMember && isThere && peer !== publishers[message] && this.#isHonest(peer)
  }

  #isHonest(node: number): boolean {
    return node < this.#run.scenario.nodes || this.#sybils.isGood
  }
}
