/**
 * A scenario of depth F played by real libp2p nodes in this process: the same links and delays, the same joining times
 * and publishers, all of it slower by one factor, so that what the processor takes does not show.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { GossipRun } from '../gossip/gossip-run.ts'
import { jitterTable } from '../gossip/jitter.ts'
import { DRAIN_US, type GossipScenario, WARM_UP_US } from '../gossip/scenario.ts'
import { Streams } from '../kernel/streams.ts'
import { DelayProxy } from './delay-proxy.ts'
import { meshesOf, Observed, type RealRun } from './observed.ts'
import { dialBy, portOf, type RealPeer, startRealPeer } from './peer.ts'

const SETTLED_MS = 60_000

/** Runs it, which takes `dilation` times as long as in the scenario. @param say is told how far it is */
export async function runReal(
  scenario: GossipScenario,
  dilation: number,
  say: (line: string) => void,
): Promise<RealRun> {
  const startedMs = performance.now()
  const world = new RealWorld(scenario, dilation)
  try {
    await world.open(say)
    return { ...(await world.play(say)), tookSeconds: (performance.now() - startedMs) / 1000 }
  } finally {
    await world.close()
  }
}

class RealWorld {
  readonly #scenario: GossipScenario
  readonly #dilation: number
  /** The same scenario in depth F: who is linked to whom, who joins when, who publishes what. */
  readonly #model: GossipRun
  readonly #peers: RealPeer[] = []
  readonly #observed: Observed
  readonly #ways: { readonly proxy: DelayProxy; readonly delayUs: number }[] = []

  constructor(scenario: GossipScenario, dilation: number) {
    this.#scenario = scenario
    this.#dilation = dilation
    this.#model = new GossipRun(scenario)
    this.#model.run()
    this.#observed = new Observed(() => performance.now() / dilation)
  }

  /** Starts all nodes and links them without delay; then the ways become as long as they shall be. */
  async open(say: (line: string) => void): Promise<void> {
    const { nodes } = this.#scenario
    say(`starting ${nodes} nodes …`)
    for (let node = 0; node < nodes; node++) {
      this.#peers.push(await startRealPeer(this.#dilation, () => this.#observed.copies++))
      // Their heartbeats are as far apart as if they had been started at any time.
      await sleep((1000 * this.#dilation) / nodes)
    }
    const { first, dialled } = this.#model.wire.links
    for (let node = 0; node < nodes; node++) {
      for (let link = first[node]!; link < first[node + 1]!; link++) {
        if ((dialled[node]! >>> (link - first[node]!)) & 1) await this.#link(node, link)
      }
    }
    await this.#acquainted()
    for (const { proxy, delayUs } of this.#ways) proxy.delayMs = (delayUs / 1000) * this.#dilation
    say(`${this.#ways.length} links, all open`)
  }

  async #link(from: number, link: number): Promise<void> {
    const { peers, delaysUs } = this.#model.wire.links
    const to = this.#peers[peers[link]!]!
    const [table, dice] = [jitterTable(), new Streams(this.#scenario.seed, 'network', link + 1)]
    const proxy = await DelayProxy.open(portOf(to), () => table[dice.uint32(link) >>> 22]!)
    this.#ways.push({ proxy, delayUs: delaysUs[link]! })
    await dialBy(this.#peers[from]!, to, proxy.port)
  }

  /** Until each node has a stream to each that it is linked to. */
  async #acquainted(): Promise<void> {
    const { first } = this.#model.wire.links
    const lacking = () =>
      this.#peers.findIndex(
        ({ services }, node) =>
          services.pubsub.streamsOutbound.size < first[node + 1]! - first[node]!,
      )
    const endMs = performance.now() + SETTLED_MS
    while (lacking() >= 0) {
      if (performance.now() > endMs) throw new Error(`node ${lacking()} lacks streams to its peers`)
      await sleep(50)
    }
  }

  async play(say: (line: string) => void): Promise<Omit<RealRun, 'tookSeconds'>> {
    const { messages, intervalMs, nodes } = this.#scenario
    const startMs = performance.now()
    const at = (us: number) =>
      sleep(Math.max(0, startMs + (us / 1000) * this.#dilation - performance.now()))
    await Promise.all(
      this.#model.joinsUs.map(async (us, node) => {
        await at(us)
        this.#observed.join(this.#peers[node]!.services.pubsub, node)
      }),
    )
    await at(WARM_UP_US)
    const meshes = this.#meshes()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    for (let message = 0; message < messages; message++) {
      await at(WARM_UP_US + 1000 * intervalMs * message)
      await this.#observed.publish(this.#model.publishers[message]!, message, this.#scenario)
      if ((message + 1) % 20 === 0) say(`published ${message + 1} of ${messages}`)
    }
    const expected = messages * (nodes - 1)
    const endMs = performance.now() + (DRAIN_US / 1000) * this.#dilation
    const { deliveries } = this.#observed
    while (deliveries.length < expected && performance.now() < endMs) await sleep(100)
    delay.disable()
    // What else is on its way are copies.
    await sleep(500 * this.#dilation)
    return {
      ...{ scenario: this.#scenario, clock: 'real', dilation: this.#dilation },
      ...{ deliveries, copies: this.#observed.copies },
      ...{ expected, meshes, meshesAfter: this.#meshes() },
      loopDelayP99Ms: delay.percentile(99) / 1e6,
    }
  }

  #meshes(): number[][] {
    return meshesOf(
      this.#peers.map(({ peerId, services }) => ({ peerId, pubsub: services.pubsub })),
    )
  }

  async close(): Promise<void> {
    for (const { proxy } of this.#ways) proxy.close()
    await Promise.allSettled(this.#peers.map((peer) => peer.stop()))
  }
}
