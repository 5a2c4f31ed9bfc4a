/** What an attacker's nodes do once the attack is on. Before, they are good peers. */
import { sizeOf } from './bits.ts'
import type { Mesh } from './mesh.ts'
import { BLOCK_MESSAGES, type Messages } from './messages.ts'
import { type GossipScenario, joinsFirst, WARM_UP_US } from './scenario.ts'
import { IHAVE, type Wire } from './wire.ts'

/** An IHAVE's frame, and each id in it. */
const FRAME_BYTES = 64
const ID_BYTES = 34

export class Sybils {
  readonly #scenario: GossipScenario
  readonly #wire: Wire
  readonly #messages: Messages
  readonly #fromUs: number
  /** Messages that were told of to somebody, and that are not handed out. */
  promised = 0

  constructor(scenario: GossipScenario, wire: Wire, messages: Messages) {
    this.#scenario = scenario
    this.#wire = wire
    this.#messages = messages
    const { attackFromMs } = scenario
    this.#fromUs = attackFromMs === 0 ? 0 : WARM_UP_US + 1000 * attackFromMs
  }

  /** Whether they behave as honest nodes do, now. */
  get isGood(): boolean {
    return this.#scenario.attack === 'none' || this.#wire.wheel.nowUs < this.#fromUs
  }

  /** Whether this node joins before the honest ones do. */
  isFirst(node: number): boolean {
    return node >= this.#scenario.nodes && joinsFirst(this.#scenario)
  }

  passesOn(isTargets: boolean): boolean {
    return this.isGood || (this.#scenario.attack === 'censor' && !isTargets)
  }

  /** A heartbeat: into as many meshes as let it in, and what else the attack is made of. */
  act(node: number, mesh: Mesh): void {
    mesh.press(node)
    if (this.#scenario.attack === 'spam') this.#tellOfAll(node, mesh.known[node]!)
  }

  /** Tells everybody that it has all the newest messages, which it will not hand out. */
  #tellOfAll(node: number, set: number): void {
    const { published } = this.#messages
    if (published === 0) return
    const number = (published - 1) >> 5
    const count = published - number * BLOCK_MESSAGES
    const all = count === BLOCK_MESSAGES ? -1 : (1 << count) - 1
    const bytes = FRAME_BYTES + ID_BYTES * sizeOf(all)
    this.#wire.sendAll(node, set, IHAVE, number, all, bytes)
    this.promised += count * sizeOf(set)
  }
}
