/**
 * The processes of a demo: an embedded L2, a bootstrap peer, and seven nodes, each with its own key and data folder.
 * They hold a pipe from this process and end when it closes, so nothing is left behind, however this process ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Role } from '../../protocol/chain.ts'
import { type Address, address } from '../../protocol/fields.ts'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { OPEN_WEI } from '../../protocol/open-amount.ts'
import { type Anvil, startAnvil } from '../chain/anvil.ts'
import { deployEmbedded, fundEmbedded } from '../chain/deploy.ts'
import { type Deployment, saveDeployment } from '../chain/deployment.ts'
import { EMBEDDED_GOVERNANCE } from '../chain/terms.ts'
import { NODE_FILE } from '../node.ts'
import { sleep } from '../sleep.ts'
import { type Key, keyOf, loadKey } from '../storage/keys.ts'
import { DemoError } from './errors.ts'

export interface Actor {
  /** `worker 2`, as the story calls it. */
  readonly name: string
  readonly role: Role
  readonly node: Address
  readonly owner: Address
  readonly folder: string
  readonly args: readonly string[]
  process: ChildProcess
  /** Set when it is up. */
  api: string
  addresses: readonly string[]
}

export interface CastOptions {
  readonly folder: string
  readonly signal: AbortSignal
  /** Seconds between the posting of a batch and its end. On a real L2 it is a day: a sequencer may censor for half of one. */
  readonly windowSeconds: number
}

const NodeFile = z.object({ node: address, api: z.url(), addresses: z.array(z.string()) })

const CHAIN_ID = 1612
const EXIT_DELAY_SECONDS = 3600
const PROGRAM = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
/** V8's nursery grows to 16 MiB and more for throughput that a node on loopback does not need: 70 MB a process. */
const SMALL_HEAP = ['--max-semi-space-size=2']
const UP_WAIT_MS = 90_000
const STOP_WAIT_MS = 8000

export class Cast {
  readonly actors: Actor[] = []
  readonly deployment: Deployment
  anvil: Anvil
  readonly #options: CastOptions

  private constructor(options: CastOptions, anvil: Anvil, deployment: Deployment) {
    this.#options = options
    this.anvil = anvil
    this.deployment = deployment
  }

  /** Starts the chain and puts the contracts on it. */
  static async open(options: CastOptions, treasury: Address): Promise<Cast> {
    const { folder, signal } = options
    const anvil = await startChain(folder, signal, 0)
    try {
      const deployment = await deployEmbedded({
        url: anvil.url,
        windowSeconds: options.windowSeconds,
        exitDelaySeconds: EXIT_DELAY_SECONDS,
        minimumStakeWei: OPEN_WEI,
        governance: EMBEDDED_GOVERNANCE,
        treasury,
        signal,
      })
      await saveDeployment(join(folder, 'deployment.json'), deployment)
      return new Cast(options, anvil, deployment)
    } catch (error) {
      await anvil.stop()
      throw error
    }
  }

  /** Makes keys, gives them money, and starts the process. It is up when `waitUntilUp` says so. */
  async start(
    name: string,
    role: Role,
    extra: readonly string[],
    bootstrap: readonly string[],
  ): Promise<Actor> {
    const folder = join(this.#options.folder, name.replaceAll(' ', '-'))
    await mkdir(folder, { recursive: true })
    const node = loadKey(folder, 'node').address
    const owner = loadKey(folder, 'owner').address
    for (const account of [node, owner]) await this.fund(account, 1000n * OPEN_WEI)
    const args = [
      ...['--data', folder, '--roles', role, '--rpc', this.anvil.url],
      ...['--deployment', join(this.#options.folder, 'deployment.json')],
      ...['--listen', '/ip4/127.0.0.1/tcp/0', '--api-port', '0'],
      ...(bootstrap.length > 0 ? ['--bootstrap', bootstrap.join(',')] : []),
      ...extra,
    ]
    const actor: Actor = {
      ...{ name, role, node, owner, folder, args },
      process: this.#spawn(folder, args),
      api: '',
      addresses: [],
    }
    this.actors.push(actor)
    return actor
  }

  /** @throws DemoError where the process ends before it is up, with the last lines that it logged */
  async waitUntilUp(actor: Actor): Promise<void> {
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(UP_WAIT_MS)])
    for (;;) {
      if (!isAlive(actor.process)) throw await ended(actor)
      const about = await readNodeFile(actor)
      if (about) {
        actor.api = about.api
        actor.addresses = about.addresses
        return
      }
      await sleep(100, signal)
    }
  }

  async fund(account: Address, wei: bigint): Promise<void> {
    await fundEmbedded(this.anvil.url, account, wei, this.#options.signal)
  }

  /** kill -9. */
  async kill(actor: Actor): Promise<void> {
    const gone = new Promise<void>((resolve) => actor.process.once('exit', () => resolve()))
    actor.process.kill('SIGKILL')
    await gone
  }

  /** Starts a killed node again, on what it left in its folder. */
  async revive(actor: Actor): Promise<void> {
    await rm(join(actor.folder, NODE_FILE), { force: true })
    actor.process = this.#spawn(actor.folder, actor.args)
    await this.waitUntilUp(actor)
  }

  /** Starts the chain again on its state and its port, after it has ended. */
  async reviveChain(): Promise<void> {
    const { folder, signal } = this.#options
    this.anvil = await startChain(folder, signal, this.anvil.port)
  }

  byNode(node: string): Actor | undefined {
    return this.actors.find((actor) => actor.node === node)
  }

  /** Whose processes are still there. */
  get running(): Actor[] {
    return this.actors.filter(({ process: child }) => isAlive(child))
  }

  /** Ids of all processes that are still there, the chain's own included. */
  get pids(): number[] {
    const nodes = this.running.flatMap(({ process: child }) => child.pid ?? [])
    return [...nodes, ...this.anvil.pids]
  }

  async stop(): Promise<void> {
    const ends = this.actors.map(({ process: child }) => endOf(child))
    for (const { process: child } of this.actors) child.stdin?.end()
    await Promise.all(ends)
    await this.anvil.stop()
  }

  #spawn(folder: string, args: readonly string[]): ChildProcess {
    const log = createWriteStream(join(folder, 'log'), { flags: 'a' })
    const child = spawn(
      process.execPath,
      [...SMALL_HEAP, PROGRAM, 'start', ...args, '--with-parent'],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
        // Eight processes compile the same modules: the first leaves what it compiled to the others.
        env: { ...process.env, NODE_COMPILE_CACHE: join(this.#options.folder, 'compiled') },
        // A Ctrl-C in the terminal reaches this process alone, which then ends the others in order.
        detached: true,
      },
    )
    child.stderr!.pipe(log)
    return child
  }
}

function startChain(folder: string, signal: AbortSignal, port: number): Promise<Anvil> {
  return startAnvil({ dataFolder: join(folder, 'chain'), chainId: CHAIN_ID, port, signal })
}

/** An account of the demo's own, made from a word: contributors need an address, and one of them claims. */
export function accountFor(word: string, seed: Uint8Array): Key {
  return keyOf(keccak(seed, utf8(word)))
}

async function readNodeFile(actor: Actor): Promise<z.output<typeof NodeFile> | undefined> {
  const text = await readFile(join(actor.folder, NODE_FILE), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return NodeFile.parse(JSON.parse(text))
  } catch {
    // Half written: the next look finds the rest.
    return undefined
  }
}

async function ended(actor: Actor): Promise<DemoError> {
  const log = await readFile(join(actor.folder, 'log'), 'utf8').catch(() => '')
  const last = log.trim().split('\n').slice(-5).join('\n')
  return new DemoError(
    `${actor.name} ended while starting. Its log (${actor.folder}/log) ends with:\n${last}`,
  )
}

function endOf(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return Promise.resolve()
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_WAIT_MS)
  return new Promise((resolve) => {
    child.once('exit', () => {
      clearTimeout(hard)
      resolve()
    })
  })
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}
