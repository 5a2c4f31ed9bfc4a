/** Real processes: a gateway, two workers and three validators, with an embedded chain; and a datanet of packages' texts. */
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '../../worker/cli/client.ts'
import { packageTexts } from '../../worker/datanet/packages.ts'
import { type Actor, accountFor, Cast } from '../../worker/demo/cast.ts'
import { removeFolder, testFolder } from './folders.ts'

const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const SEED = Buffer.alloc(32, 23)
/** On a busy machine one may fall silent for a while and lose its turn. */
const WORKERS = 2
const VALIDATORS = 3
const WAIT_MS = 120_000

export class SmallNetwork {
  readonly folder: string
  readonly #stop = new AbortController()
  #cast: Cast | undefined
  client!: Client

  constructor(name: string) {
    this.folder = testFolder(name)
  }

  /** @param more what the gateway is started with besides */
  async start(more: readonly string[] = []): Promise<void> {
    const options = { folder: this.folder, signal: this.#stop.signal, windowSeconds: 2 }
    const cast = await Cast.open(options, accountFor('treasury', SEED).address)
    this.#cast = cast
    const start = (name: string, role: Actor['role'], words: readonly string[], known?: Actor) =>
      cast.start(name, role, ['--stake', '100', ...words], known?.addresses ?? [])
    const gateway = await start('gateway', 'gateway', ['--escrow', '100', ...more])
    await cast.waitUntilUp(gateway)
    for (let i = 1; i <= WORKERS; i++) await start(`worker ${i}`, 'worker', [], gateway)
    for (let i = 1; i <= VALIDATORS; i++) await start(`validator ${i}`, 'validator', [], gateway)
    await Promise.all(cast.actors.map((actor) => cast.waitUntilUp(actor)))
    this.client = new Client(gateway.api)
    const heard = async () =>
      (await this.client.get<{ subscribers: number }>('/status')).subscribers
    await this.until(async () => (await heard()) >= WORKERS + VALIDATORS)
  }

  /** @throws where it is not so within two minutes */
  async until(wanted: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + WAIT_MS
    while (!(await wanted())) {
      if (performance.now() > endMs) throw new Error(`not so after ${WAIT_MS} ms: ${wanted}`)
      await setTimeout(200)
    }
  }

  /** @returns the content id of the manifest */
  async publish(texts: number): Promise<string> {
    const contributions = await contributionsOf(SEED, texts, this.#stop.signal)
    const version = { name: 'small', contributions }
    return (await this.client.post<{ manifest: string }>('/datanets', version)).manifest
  }

  /** Kills the gateway, and starts it again. */
  async restartGateway(): Promise<void> {
    const cast = this.#cast!
    const [gateway] = cast.actors
    await cast.kill(gateway!)
    await cast.revive(gateway!)
    this.client = new Client(gateway!.api)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#cast?.stop()
    removeFolder(this.folder)
  }
}

/** Documentation of so many packages, of a few kilobytes each, as a gateway takes it; its owners follow from the seed. */
export async function contributionsOf(seed: Uint8Array, count: number, signal: AbortSignal) {
  const contributions = []
  const owner = (name: string) => accountFor(name, seed).address
  for await (const text of packageTexts(PACKAGES, owner, signal)) {
    const { content, contributor, name, licence } = text
    if (content.length < 4096 || content.length > 24_576) continue
    const encoded = Buffer.from(content).toString('base64')
    contributions.push({ contributor, name, licence, content: encoded })
    if (contributions.length === count) break
  }
  return contributions
}
