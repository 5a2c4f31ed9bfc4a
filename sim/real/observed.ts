/** What is observed of nodes that gossip: which message came to whom how long after it was published, and how many copies. */
import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { type Gossip, joinGossip } from '../../worker/network/gossip.ts'
import type { GossipScenario } from '../gossip/scenario.ts'
import { type OpenGossipSub, TOPIC } from './peer.ts'

export interface RealRun {
  readonly scenario: GossipScenario
  /** Whose time passed: the machine's, or one that only the simulator knows. */
  readonly clock: 'real' | 'virtual'
  /** How many times slower all was than in the scenario. */
  readonly dilation: number
  /** Milliseconds since publication, not dilated: [message, node, ms]. */
  readonly deliveries: readonly Delivery[]
  /** Deliveries that should have been. */
  readonly expected: number
  /** Copies of messages that came in, first ones and others. */
  readonly copies: number
  /** By node: who is in its mesh at the first message, and after the last. */
  readonly meshes: readonly (readonly number[])[]
  readonly meshesAfter: readonly (readonly number[])[]
  /** How late the event loop was, 99th percentile, in milliseconds of this machine's time; 0 under virtual time. */
  readonly loopDelayP99Ms: number
  readonly tookSeconds: number
}

export type Delivery = readonly [message: number, node: number, delayMs: number]

export class Observed {
  readonly deliveries: Delivery[] = []
  copies = 0
  readonly #nowMs: () => number
  readonly #publishedMs: number[] = []
  readonly #gossips: Gossip[] = []

  /** @param nowMs the time of the scenario, not dilated */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Subscribes a node, as workers do, and hears what comes to it. */
  join(pubsub: GossipSub, node: number): void {
    this.#gossips[node] = joinGossip(pubsub, { everyone: TOPIC }, (bytes) => {
      const message = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
      this.deliveries.push([message, node, this.#nowMs() - this.#publishedMs[message]!])
      return { verdict: 'accept', reason: 'admitted' }
    })
  }

  async publish(node: number, message: number, { messageBytes }: GossipScenario): Promise<void> {
    const bytes = new Uint8Array(messageBytes)
    new DataView(bytes.buffer).setUint32(0, message)
    this.#publishedMs[message] = this.#nowMs()
    await this.#gossips[node]!.publish(bytes)
  }
}

interface Meshed {
  readonly peerId: { toString(): string }
  readonly pubsub: OpenGossipSub
}

/** By node: who is in its mesh, as nodes. */
export function meshesOf(peers: readonly Meshed[]): number[][] {
  const nodeOf = new Map(peers.map(({ peerId }, node) => [peerId.toString(), node]))
  return peers.map(({ pubsub }) => pubsub.getMeshPeers(TOPIC).map((id) => nodeOf.get(id)!))
}
