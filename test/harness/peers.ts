/** Real libp2p peers on loopback, each with a folder of its own, stopped and removed together. */
import { pino } from 'pino'
import { type Peer, startPeer } from '../../worker/network/peer.ts'
import { Content } from '../../worker/storage/content.ts'
import { Shelf } from '../../worker/storage/shelf.ts'
import { removeFolder, testFolder } from './folders.ts'
import { keyNumber } from './messages.ts'

export const TOPICS = {
  everyone: '/tributary/test/messages/1',
  validators: '/tributary/test/validators/1',
} as const
const SILENT = pino({ level: 'silent' })

export interface TestPeer {
  readonly peer: Peer
  readonly content: Content
}

export class Peers {
  readonly #folders: string[] = []
  readonly #peers: Peer[] = []

  /** A peer with the key of that number; it knows the others' first address only. */
  async start(number: number, bootstrap: readonly string[] = this.#first()): Promise<TestPeer> {
    const folder = testFolder('peer')
    this.#folders.push(folder)
    const { privateKey } = keyNumber(number)
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const shelf = new Shelf(folder, { mostBytes: 2 ** 30, log: SILENT })
    const peer = await startPeer({
      ...{ privateKey, folder, blocks: shelf, listen, bootstrap },
      topics: Object.values(TOPICS),
    })
    this.#peers.push(peer)
    return { peer, content: new Content(peer, shelf, SILENT) }
  }

  /** Has each peer dial those that it has not met: among many, some get lost in the rush of the start. */
  async introduce(): Promise<void> {
    for (const [index, { libp2p }] of this.#peers.entries()) {
      for (const other of this.#peers.slice(index + 1)) {
        if (libp2p.getConnections(other.libp2p.peerId).length > 0) continue
        await libp2p.dial(other.libp2p.getMultiaddrs()).catch(() => undefined)
      }
    }
  }

  /** Waits until each peer is connected to all others. */
  async acquainted(): Promise<void> {
    await until(() => this.areAcquainted)
  }

  get areAcquainted(): boolean {
    const others = this.#peers.length - 1
    return this.#peers.every(({ libp2p }) => libp2p.getPeers().length >= others)
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#peers.splice(0).map((peer) => peer.stop()))
    for (const folder of this.#folders.splice(0)) removeFolder(folder)
  }

  #first(): string[] {
    return this.#peers[0]?.libp2p.getMultiaddrs().map(String) ?? []
  }
}

/** Waits until something is so. @throws Error after `waitMs` */
export async function until(wanted: () => boolean, waitMs = 60_000): Promise<void> {
  const endMs = performance.now() + waitMs
  while (!wanted()) {
    if (performance.now() > endMs) throw new Error(`not so after ${waitMs} ms: ${wanted}`)
    await new Promise<void>((wake) => setTimeout(wake, 20))
  }
}
