/**
 * Depth R: a scenario of depth F played by the gossipsub that workers run, under virtual time and on links that are only
 * modelled. One seed is one run, event by event.
 */
import { GossipRun } from '../gossip/gossip-run.ts'
import { jitterTable } from '../gossip/jitter.ts'
import { type GossipScenario, MESH, WARM_UP_US } from '../gossip/scenario.ts'
import { Streams } from '../kernel/streams.ts'
import { meshesOf, Observed, type RealRun } from './observed.ts'
import { VirtualClock } from './virtual-clock.ts'
import { type Carry, VirtualConnection, VirtualPeer } from './virtual-peer.ts'

export interface VirtualRun extends RealRun {
  /** Of every arrival, and how many there were. */
  readonly hash: string
  readonly arrivals: number
  /** In seconds of the scenario, from the first node's start on. */
  readonly virtualSeconds: number
}

/** Only one at a time, and nothing beside it: while it runs, this thread has no other clock and no other dice. */
export async function playVirtual(
  scenario: GossipScenario,
  say: (line: string) => void,
): Promise<VirtualRun> {
  const startedMs = performance.now()
  const dice = new Streams(scenario.seed, 'protocol', 2)
  const clock = new VirtualClock(() => dice.uint32(1) / 2 ** 32)
  clock.install()
  try {
    const run = await new VirtualWorld(scenario, clock).play(say)
    return { ...run, tookSeconds: (performance.now() - startedMs) / 1000 }
  } finally {
    clock.uninstall()
  }
}

class VirtualWorld {
  readonly #scenario: GossipScenario
  readonly #clock: VirtualClock
  /** Who is linked to whom, who joins when, who publishes what. */
  readonly #model: GossipRun
  readonly #peers: VirtualPeer[] = []
  readonly #observed: Observed
  readonly #jitter = jitterTable()
  readonly #dice: Streams
  /** Whether links have their delays by now. */
  #isFar = false

  constructor(scenario: GossipScenario, clock: VirtualClock) {
    this.#scenario = scenario
    this.#clock = clock
    this.#model = new GossipRun(scenario)
    this.#model.run()
    this.#dice = new Streams(scenario.seed, 'network', scenario.nodes)
    this.#observed = new Observed(() => clock.nowUs / 1000)
  }

  async play(say: (line: string) => void): Promise<Omit<VirtualRun, 'tookSeconds'>> {
    const { nodes, messages, intervalMs } = this.#scenario
    // Their heartbeats are as far apart as if they had been started at any time.
    for (let node = 0; node < nodes; node++) {
      await this.#clock.runUntil((MESH.heartbeatUs / nodes) * node)
      const peer = new VirtualPeer(node, () => this.#observed.copies++)
      this.#peers.push(peer)
      await peer.start()
    }
    this.#linkAll()
    await this.#clock.runUntil(MESH.heartbeatUs)
    this.#isFar = true
    say(`${nodes} nodes, all linked`)
    const startUs = this.#clock.nowUs
    this.#model.joinsUs.forEach((us, node) => {
      this.#clock.at(startUs + us, () => this.#observed.join(this.#peers[node]!.pubsub, node))
    })
    await this.#clock.runUntil(startUs + WARM_UP_US)
    const meshes = meshesOf(this.#peers)
    for (let message = 0; message < messages; message++) {
      await this.#clock.runUntil(startUs + WARM_UP_US + 1000 * intervalMs * message)
      await this.#observed.publish(this.#model.publishers[message]!, message, this.#scenario)
      if ((message + 1) % 20 === 0) say(`published ${message + 1} of ${messages}`)
    }
    await this.#clock.runUntil(startUs + this.#model.endUs)
    const meshesAfter = meshesOf(this.#peers)
    await Promise.all(this.#peers.map((peer) => peer.stop()))
    return {
      ...{ scenario: this.#scenario, clock: 'virtual', dilation: 1, loopDelayP99Ms: 0 },
      ...{ deliveries: this.#observed.deliveries, copies: this.#observed.copies },
      ...{ expected: messages * (nodes - 1), meshes, meshesAfter },
      ...{ hash: this.#clock.hash.digest, arrivals: this.#clock.hash.events },
      virtualSeconds: this.#clock.nowUs / 1e6,
    }
  }

  #linkAll(): void {
    const { first, peers, dialled, delaysUs } = this.#model.wire.links
    for (let node = 0; node < this.#scenario.nodes; node++) {
      for (let link = first[node]!; link < first[node + 1]!; link++) {
        if ((dialled[node]! >>> (link - first[node]!)) & 1) {
          this.#link(node, peers[link]!, delaysUs[link]!)
        }
      }
    }
  }

  #link(from: number, to: number, delayUs: number): void {
    const [dialler, dialled] = [this.#peers[from]!, this.#peers[to]!]
    const there = new VirtualConnection(dialled, 'outbound', this.#way(from, to, delayUs))
    const back = new VirtualConnection(dialler, 'inbound', this.#way(to, from, delayUs))
    there.other = back
    back.other = there
    dialler.meet(there)
    dialled.meet(back)
  }

  /** One way along a link: later things do not overtake. */
  #way(from: number, to: number, delayUs: number): Carry {
    let lastUs = 0
    return (bytes, take) => {
      const extra = this.#jitter[this.#dice.uint32(from) >>> 22]!
      const wayUs = this.#isFar ? delayUs + Math.floor(delayUs * extra) : 0
      lastUs = Math.max(lastUs, Math.round(this.#clock.nowUs) + wayUs)
      this.#clock.at(lastUs, () => {
        this.#clock.hash.absorb(this.#clock.nowUs, from, to, bytes.length)
        take(bytes)
      })
    }
  }
}
