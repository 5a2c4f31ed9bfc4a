/** Files between nodes on one machine: from one neighbour, and to several that want it in the same moment. */
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Peer, startPeer } from '../../worker/network/peer.ts'
import { Content } from '../../worker/storage/content.ts'
import { Shelf } from '../../worker/storage/shelf.ts'
import type { Benchmark, Figure } from '../figure.ts'

const MIB = 2 ** 20
const LARGE_MIB = 100
const SHARED_MIB = 16
const WANTERS = 6
const ROUNDS = 3
const LONGEST_MS = 120_000
const LOG = pino({ level: 'silent' })
const CHANNELS = ['net.client.socket', 'net.server.socket'] as const

export const benchmarkTransfer: Benchmark = {
  parts: ['one', 'several'],
  run: async function* (only) {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-bench-'))
    const wires = new Wires()
    const nodes: Node[] = []
    try {
      for (let number = 0; number <= WANTERS; number++) {
        nodes.push(await startNode(join(folder, String(number)), nodes))
      }
      if (only !== 'several') yield await one(nodes)
      if (only !== 'one') yield* several(nodes, wires)
    } finally {
      wires.end()
      await Promise.allSettled(nodes.map(({ peer }) => peer.stop()))
      await rm(folder, { recursive: true, force: true })
    }
  },
}

interface Node {
  readonly peer: Peer
  readonly content: Content
}

/** A node that is connected to all others. */
async function startNode(folder: string, others: readonly Node[]): Promise<Node> {
  const shelf = new Shelf(folder, { mostBytes: 2 ** 30, log: LOG })
  const peer = await startPeer({
    ...{ privateKey: randomBytes(32), folder, blocks: shelf, bootstrap: [], topics: [] },
    listen: ['/ip4/127.0.0.1/tcp/0'],
  })
  for (const other of others) await peer.libp2p.dial(other.peer.libp2p.getMultiaddrs())
  return { peer, content: new Content(peer, shelf, LOG) }
}

async function one([owner, wanter]: readonly Node[]): Promise<Figure> {
  const seconds = await best(() => fetched(owner!, [wanter!], LARGE_MIB))
  return {
    name: 'from one neighbour',
    value: LARGE_MIB / seconds,
    unit: 'MiB/s',
    note: `${LARGE_MIB} MiB over loopback, all nodes in one process, best of ${ROUNDS}`,
  }
}

async function* several([owner, ...wanters]: readonly Node[], wires: Wires): AsyncIterable<Figure> {
  const before = wires.bytes
  const seconds = await best(() => fetched(owner!, wanters, SHARED_MIB))
  const wanted = ROUNDS * WANTERS * SHARED_MIB * MIB
  yield {
    name: `to ${WANTERS} at once`,
    value: seconds,
    unit: 's',
    note: `${SHARED_MIB} MiB each, until the last has it, best of ${ROUNDS}`,
  }
  yield {
    name: 'bytes on the wires for each that is wanted',
    value: (wires.bytes - before) / wanted,
    unit: '',
    bar: { atMost: 1.1 },
    note: 'all that all nodes received in that time',
  }
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
class Wires {
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

  end(): void {
    for (const channel of CHANNELS) unsubscribe(channel, this.#add)
  }
}
