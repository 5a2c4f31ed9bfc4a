/** Files between nodes on one machine: from one neighbour, and to several that want it in the same moment. */
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Multiaddr } from '@multiformats/multiaddr'
import { pino } from 'pino'
import { type Peer, startPeer } from '../../worker/network/peer.ts'
import { Content } from '../../worker/storage/content.ts'
import { Shelf } from '../../worker/storage/shelf.ts'
import type { Benchmark, Figure } from '../figure.ts'
import { Uplink, Way } from './lines.ts'

const MIB = 2 ** 20
const LARGE_MIB = 100
const SHARED_MIB = 16
const WANTERS = 6
const UPLINK_MIB = 2
const ROUNDS = 3
const LONGEST_MS = 120_000
const LOG = pino({ level: 'silent' })
const CHANNELS = ['net.client.socket', 'net.server.socket'] as const

const PARTS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  one: () => among(undefined, one),
  several: async () => {
    using wires = new Wires()
    return await among(undefined, (nodes) => several(nodes, wires))
  },
  homes: () => among(UPLINK_MIB * MIB, homes),
}

export const benchmarkTransfer: Benchmark = {
  parts: Object.keys(PARTS),
  run: async function* (only) {
    for (const [name, part] of Object.entries(PARTS)) {
      if (only === undefined || only === name) yield* await part()
    }
  },
}

interface Node {
  readonly peer: Peer
  readonly content: Content
  readonly uplink: Uplink
}

/** Measures among nodes that are all connected, each with so fast an uplink; without one over loopback itself. */
async function among(
  bytesASecond: number | undefined,
  measure: (nodes: readonly Node[]) => Promise<Figure[]>,
): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-bench-'))
  using ways = new DisposableStack()
  const nodes: Node[] = []
  try {
    for (let number = 0; number <= WANTERS; number++) {
      const node = await startNode(join(folder, String(number)), new Uplink(bytesASecond ?? 0))
      for (const other of nodes) {
        let [address] = other.peer.libp2p.getMultiaddrs() as [Multiaddr]
        if (bytesASecond !== undefined) {
          const [way, along] = await Way.open(address, node.uplink, other.uplink)
          ways.use(way)
          address = along
        }
        await node.peer.libp2p.dial(address)
      }
      nodes.push(node)
    }
    return await measure(nodes)
  } finally {
    await Promise.allSettled(nodes.map(({ peer }) => peer.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

async function startNode(folder: string, uplink: Uplink): Promise<Node> {
  const shelf = new Shelf(folder, { mostBytes: 2 ** 30, log: LOG })
  const peer = await startPeer({
    ...{ privateKey: randomBytes(32), folder, blocks: shelf, bootstrap: [], topics: [] },
    listen: ['/ip4/127.0.0.1/tcp/0'],
  })
  return { peer, content: new Content(peer, shelf, LOG), uplink }
}

async function one([owner, wanter]: readonly Node[]): Promise<Figure[]> {
  const seconds = await best(() => fetched(owner!, [wanter!], LARGE_MIB))
  return [
    {
      name: 'from one neighbour',
      value: LARGE_MIB / seconds,
      unit: 'MiB/s',
      note: `${LARGE_MIB} MiB over loopback, all nodes in one process, best of ${ROUNDS}`,
    },
  ]
}

/** Once: what lines bring does not depend on how busy the processor is. */
async function homes([owner, ...wanters]: readonly Node[]): Promise<Figure[]> {
  const seconds = await fetched(owner!, wanters, SHARED_MIB)
  const alone = (WANTERS * SHARED_MIB) / UPLINK_MIB
  const share = owner!.uplink.bytes / (WANTERS * SHARED_MIB * MIB)
  return [
    {
      name: `to ${WANTERS} at once from homes, against one giving all`,
      value: seconds / alone,
      unit: 'x',
      bar: { atMost: 0.6 },
      note: `${SHARED_MIB} MiB each, each sends ${UPLINK_MIB} MiB/s: ${seconds.toFixed(1)} s against ${alone} s; who had it first gave ${Math.round(100 * share)} %`,
    },
  ]
}

async function several([owner, ...wanters]: readonly Node[], wires: Wires): Promise<Figure[]> {
  const before = wires.bytes
  const seconds = await best(() => fetched(owner!, wanters, SHARED_MIB))
  const wanted = ROUNDS * WANTERS * SHARED_MIB * MIB
  return [
    {
      name: `to ${WANTERS} at once`,
      value: seconds,
      unit: 's',
      note: `${SHARED_MIB} MiB each, until the last has it, best of ${ROUNDS}`,
    },
    {
      name: 'bytes on the wires for each that is wanted',
      value: (wires.bytes - before) / wanted,
      unit: '',
      bar: { atMost: 1.1 },
      note: 'all that all nodes received in that time',
    },
  ]
}

/** Seconds until all have a new file. */
async function fetched(owner: Node, wanters: readonly Node[], mebibytes: number): Promise<number> {
  const file = randomBytes(mebibytes * MIB)
  const cid = await owner.content.putFile(file)
  const signal = AbortSignal.timeout(LONGEST_MS)
  const sinceMs = performance.now()
  await Promise.all(wanters.map(({ content }) => content.getFile(cid, file.length, { signal })))
  return (performance.now() - sinceMs) / 1000
}

async function best(measure: () => Promise<number>): Promise<number> {
  const taken: number[] = []
  for (let round = 0; round < ROUNDS; round++) taken.push(await measure())
  return Math.min(...taken)
}

/** All TCP connections of this process; both ends of each are here. */
class Wires implements Disposable {
  readonly #sockets: Socket[] = []
  readonly #add = (message: unknown): void => {
    this.#sockets.push((message as { socket: Socket }).socket)
  }

  constructor() {
    for (const channel of CHANNELS) subscribe(channel, this.#add)
  }

  /** Received so far. */
  get bytes(): number {
    return this.#sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  }

  [Symbol.dispose](): void {
    for (const channel of CHANNELS) unsubscribe(channel, this.#add)
  }
}
