/** The only file that knows onnxruntime-node. Creating and running a session block the event loop: call it in a worker thread. */
import './environment.ts'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node'
import { EngineError } from './errors.ts'
import { GraphBuilder } from './graph/onnx.ts'
import { once } from './once.ts'
import type { Provider } from './providers.ts'
import { Residents } from './residents.ts'

/** A float32, int32 or (bytes of 0 and 1) bool tensor. */
export interface Feed {
  readonly data: Float32Array | Int32Array | Uint8Array
  readonly shape: readonly number[]
  /** Its numbers stay as they are for as long as this very object is fed. */
  readonly constant?: boolean
}

/** An output that stays in the provider's memory: what was fed as `from` is fed as `to` in a later run. */
export interface Succession {
  readonly output: string
  readonly from: Feed
  readonly to: Feed
}

/** True where constant inputs and successions stay in a provider's memory; elsewhere they cost nothing and bring nothing. */
export function remembers(provider: Provider): boolean {
  return provider === 'webgpu'
}

/** A flat vector as it is. */
export function vector(data: Float32Array): Feed {
  return { data, shape: [data.length] }
}

export interface SessionOptions {
  /** `cpu` where nothing else is asked for. */
  readonly provider?: Provider
  /** Folder of the files that the graph's weights lie in. */
  readonly directory?: string
  /** Threads of one operator. */
  readonly threads: number
  /**
   * The runtime keeps memory of its own for activations, unless told not to, instead of asking the system each time. Where a
   * run makes and drops hundreds of megabytes, giving pages back and forth costs 9 % of a training step and 4 % of reading a
   * prompt, and with checkpointing the system's allocator breaks them up until as much is held as if nothing were ever
   * dropped (measured: 730 MB where 319 MB do). What a run took at its height stays with the session.
   */
  readonly arena?: boolean
  /** Outputs that are there for successions, given out for nothing else. */
  readonly successors?: readonly string[]
}

/** Part of what makes `cpu-exact` runs comparable. */
export const RUNTIME_VERSION: string = (
  createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
).version

const PACKAGE = createRequire(import.meta.url).resolve('onnxruntime-node/package.json')

/** True where a provider's libraries are there; whether the machine has what they need is not asked. */
export function isInstalled(provider: Provider): boolean {
  const known = listSupportedBackends().find(({ name }) => name === provider)
  if (known === undefined || known.bundled) return known !== undefined
  const folder = join(PACKAGE, '../bin/napi-v6', process.platform, process.arch)
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes(`_${provider}.`))
}

/** A graph that has been loaded. */
export class Session {
  readonly #session: InferenceSession
  /** Whether inputs may have no numbers at all. */
  readonly #emptiness: boolean
  /** Constant inputs, where the binding can keep them in the provider's memory. */
  readonly #residents: Residents<Feed, Tensor> | undefined
  readonly #given: readonly string[]
  readonly #successors: readonly string[]

  private constructor(session: InferenceSession, options: SessionOptions) {
    const { provider = 'cpu', successors = [] } = options
    this.#session = session
    this.#emptiness = provider === 'cpu'
    this.#successors = successors
    this.#given = session.outputNames.filter((name) => !successors.includes(name))
    if (remembers(provider)) this.#residents = new Residents(upload)
  }

  /** Throws `EngineError` (`runtime`) where the runtime refuses the graph or its weights. */
  static async create(graph: Uint8Array, options: SessionOptions): Promise<Session> {
    try {
      const session = await InferenceSession.create(graph, sessionOptions(options))
      return new Session(session, options)
    } catch (cause) {
      throw new EngineError('runtime', `ONNX Runtime cannot load a graph: ${message(cause)}`, {
        cause,
      })
    }
  }

  /**
   * Throws `EngineError` (`runtime`). Outputs by name, each in memory of its own; only those that are `wanted` are copied
   * out, without that all of them.
   */
  async run(
    feeds: Readonly<Record<string, Feed>>,
    wanted: readonly string[] = this.#given,
    successions: readonly Succession[] = [],
  ): Promise<Record<string, Float32Array>> {
    try {
      const inputs: Record<string, Tensor> = {}
      for (const [name, feed] of Object.entries(feeds)) {
        const fed = this.#fed(feed)
        inputs[name] = fed instanceof Tensor ? fed : await fed
      }
      // What was once asked for stays bound in the binding, and a run that does not ask for it fails.
      const outputs = await this.#session.run(inputs, [...wanted, ...this.#successors])
      this.#succeed(outputs, successions)
      return Object.fromEntries(wanted.map((name) => [name, outputs[name]!.data as Float32Array]))
    } catch (cause) {
      throw new EngineError('runtime', `ONNX Runtime failed in a run: ${message(cause)}`, { cause })
    }
  }

  /** Keeps what follows on an input of this run, and lets go of what nothing will be fed as. */
  #succeed(outputs: InferenceSession.ReturnType, successions: readonly Succession[]): void {
    const residents = this.#residents
    if (residents === undefined) return
    const following = new Map(successions.map((one) => [one.output, one]))
    for (const name of this.#successors) {
      const tensor = outputs[name] as Tensor
      const pair = following.get(name)
      if (pair) residents.replace(pair.from, pair.to, tensor)
      else tensor.dispose()
    }
    residents.endRun()
  }

  #fed(feed: Feed): Tensor | Promise<Tensor> {
    if (feed.constant && this.#residents) return this.#residents.of(feed)
    return tensor(this.#emptiness ? feed : filled(feed))
  }

  async release(): Promise<void> {
    this.#residents?.[Symbol.dispose]()
    await this.#session.release()
  }
}

/** The options of precision class `cpu-exact`: whatever could change a bit is pinned. */
function sessionOptions(options: SessionOptions): InferenceSession.SessionOptions {
  const { directory, threads, arena = true, provider = 'cpu', successors = [] } = options
  const stay = Object.fromEntries(successors.map((name) => [name, 'gpu-buffer' as const]))
  return {
    executionProviders: [provider],
    ...(successors.length > 0 && { preferredOutputLocation: stay }),
    // Errors only: a provider other than the processor warns of every graph that shapes are left to the processor.
    logSeverityLevel: 3,
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // With shapes that change from run to run the pattern only holds memory: measured at twice the peak.
    enableMemPattern: false,
    enableCpuMemArena: arena,
    extra: {
      session: {
        // Without prepacking a row's result would depend on the rows beside it.
        disable_prepacking: '0',
        // Idle threads must not burn what other processes of the machine could use.
        intra_op: { allow_spinning: '0' },
        ...(directory === undefined
          ? {}
          : { model_external_initializers_file_folder_path: directory }),
      },
    },
  }
}

/** By the rank of what they hand over, for all sessions of this thread. */
const uploads = new Map<number, Promise<InferenceSession>>()

/** Hands floats to WebGPU: the binding knows no other way than a graph that gives out what comes in. */
async function upload(feed: Feed): Promise<Tensor> {
  const input = filled(feed)
  const rank = input.shape.length
  const session = await once(uploads, rank, () =>
    InferenceSession.create(identity(rank), {
      executionProviders: ['webgpu'],
      logSeverityLevel: 3,
      preferredOutputLocation: 'gpu-buffer',
    }),
  )
  const { y } = await session.run({ x: tensor(input) })
  return y as Tensor
}

function identity(rank: number): Uint8Array {
  const graph = new GraphBuilder()
  const shape = Array.from({ length: rank }, (_, axis) => `d${axis}`)
  const x = graph.input('x', 'float32', shape)
  graph.output('y', graph.node('Identity', [x]), 'float32', shape)
  return graph.encode()
}

/** WebGPU ends the process over a buffer without bytes. A rank of 0 becomes one of 1, all zeros: the same sums. */
function filled(feed: Feed): Feed {
  if (feed.data.length > 0) return feed
  const shape = feed.shape.map((size) => Math.max(1, size))
  return { data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape }
}

function tensor({ data, shape }: Feed): Tensor {
  if (data instanceof Uint8Array) return new Tensor('bool', data, shape)
  return data instanceof Int32Array
    ? new Tensor('int32', data, shape)
    : new Tensor('float32', data, shape)
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
