/**
 * The embedded chain: anvil in OP mode, run as a child process. It keeps its state in the data folder and nothing
 * anywhere else, listens on this machine only, and dies with the node, even a killed one.
 */
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { anvilProgram } from './anvil-program.ts'
import { abortedError, ChainError } from './errors.ts'
import { type AnvilExit, Guarded } from './guarded.ts'
import { endOrphan } from './orphans.ts'
import { Block, smallQuantity } from './quantities.ts'
import { Rpc } from './rpc.ts'
import { checkState, keepCopying, type StateCheck } from './state-file.ts'
import { within } from './wait.ts'

/** From a cold disk and with a day of blocks anvil needs seconds to listen, in ms. */
const START_WAIT_MS = 60_000
/** The guardian kills after 10 s; then there is nothing left to wait for, in ms. */
const STOP_WAIT_MS = 15_000
/** How often the state file is copied at the most, in ms: what a kill in mid-write may cost. */
const COPY_MS = 5000
/** A block's timestamp may be this far ahead of our clock, in seconds, since both are rounded. */
const CLOCK_SLACK_SECONDS = 2

export interface AnvilOptions {
  /** A folder of its own for the chain; created where it is missing. */
  readonly dataFolder: string
  readonly chainId: number
  /** TCP port; 0, the default, takes a free one. */
  readonly port?: number
  readonly blockTimeSeconds?: number
  /** How often the state is written: what a kill may cost. */
  readonly stateIntervalSeconds?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (phase: 'checking' | 'starting' | 'ready') => void
}

export interface Anvil {
  /** WebSocket address of the RPC. */
  readonly url: string
  readonly port: number
  /** Of the chain and its guardian, while they run. */
  readonly pids: readonly number[]
  /** `restored` where a damaged state file was replaced by its copy: the last seconds may be missing. */
  readonly state: StateCheck
  /** Resolves when the chain has ended; never rejects. */
  readonly exited: Promise<AnvilExit>
  /** Ends the chain, its state written. Calling it again waits for the same end. */
  stop(): Promise<void>
}

/**
 * Starts the chain and waits until it answers. Throws `ChainError`: `anvil-missing`, `port-in-use`, `state-corrupt`,
 * `anvil-died`, `timeout` or `aborted`; then nothing is left running.
 */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const { dataFolder, signal, onProgress } = options
  const stateFile = path.join(dataFolder, 'state.json')
  const pidFile = path.join(dataFolder, 'pids.json')
  const program = anvilProgram()
  onProgress?.('checking')
  await mkdir(dataFolder, { recursive: true })
  await endOrphan(pidFile, stateFile, signal)
  const state = await checkState(stateFile)
  if (signal?.aborted) throw abortedError(signal)
  onProgress?.('starting')
  const child = new Guarded(program, anvilArguments(options, stateFile), pidFile)
  try {
    const port = await within(child.listening, START_WAIT_MS, signal, () => {
      throw new ChainError('timeout', `anvil did not start within ${START_WAIT_MS} ms`)
    })
    const url = `ws://127.0.0.1:${port}`
    await checkAnswers(url, options.chainId, signal)
    const copying = new AbortController()
    const copied = keepCopying(stateFile, COPY_MS, copying.signal)
    const exited = child.exited.then(async (exit) => {
      copying.abort()
      await copied
      await rm(path.join(dataFolder, 'cache'), { recursive: true, force: true })
      return exit
    })
    onProgress?.('ready')
    return {
      ...{ url, port, state, exited },
      get pids() {
        return child.pids
      },
      stop: async () => await stop(child, exited),
    }
  } catch (error) {
    await stop(child, child.exited)
    throw error
  }
}

/** OP mode, wall clock, no prefunded keys; the reason of each other flag stands beside it. */
export function anvilArguments(options: AnvilOptions, stateFile: string): string[] {
  const { chainId, port = 0, blockTimeSeconds = 1, stateIntervalSeconds = 2 } = options
  return [
    ...['--network', 'optimism', '--chain-id', String(chainId), '--accounts', '0'],
    // Gas as on OP Mainnet. anvil's own gwei would fall by 0.4 % a block, and keep small jobs waiting at first (G1).
    ...['--base-fee', '1000000'],
    // A block for each transaction at once, and one each second besides: time passes, and no waiter is left asleep.
    ...['--block-time', String(blockTimeSeconds), '--mixed-mining', '--order', 'fifo'],
    ...['--state', stateFile, '--state-interval', String(stateIntervalSeconds)],
    // Bare: with a number, 1.7.1 keeps 350 KB for each empty block and never lets go; so it is 2 KB.
    '--prune-history',
    ...['--cache-path', path.join(path.dirname(stateFile), 'cache')],
    // The RPC can mint money, so it is for this machine alone.
    ...['--host', '127.0.0.1', '--port', String(port)],
  ]
}

async function stop(child: Guarded, exited: Promise<AnvilExit>): Promise<void> {
  child.end()
  await within<unknown>(exited, STOP_WAIT_MS, undefined, () => child.kill())
  await exited
}

async function checkAnswers(url: string, chainId: number, signal?: AbortSignal): Promise<void> {
  using rpc = new Rpc(url)
  const answered = await rpc.request(smallQuantity, 'eth_chainId', [], signal)
  if (answered !== chainId) {
    throw new ChainError('wrong-chain', `${url} is chain ${answered}, not ${chainId}`)
  }
  const head = await rpc.request(Block, 'eth_getBlockByNumber', ['latest', false], signal)
  const nowSeconds = Math.floor(Date.now() / 1000)
  if (head.timestamp > nowSeconds + CLOCK_SLACK_SECONDS) {
    throw new ChainError(
      'clock-behind',
      `the chain's newest block is of ${head.timestamp} s, this machine's clock says ${nowSeconds} s: ` +
        'set the clock right, or delete the chain folder to begin a new one',
    )
  }
}
