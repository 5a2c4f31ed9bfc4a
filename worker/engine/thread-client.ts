/** One life of the engine's thread, seen from outside: calls go in, results come out, and a crash rejects what waits. */
import './environment.ts'
import { Worker } from 'node:worker_threads'
import { EngineError } from './errors.ts'
import type { TriedProvider } from './providers.ts'
import type { CallKind, Calls, FromThread, ModelSpec, ThreadOptions, ToThread } from './requests.ts'
import { TrainingStopped } from './training/training-stopped.ts'

interface Waiting {
  resolve(result: Calls[CallKind]['result']): void
  reject(error: EngineError): void
  progress(progress: Extract<FromThread, { kind: 'progress' }>['progress']): void
}

/** Runs from the sources as well as from what the compiler emits. */
const THREAD_FILE = new URL(
  import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js',
  import.meta.url,
)

/** Tensors lie outside the heap, so a small nursery is enough; the usual one grows to 48 MB while graphs are built. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 8 }

/** Told whether the provider draws with a model, and why not. */
type OnTried = (tried: TriedProvider) => void

export class ThreadClient {
  readonly #worker: Worker
  readonly #onTried: OnTried
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0
  #lost = false

  constructor(options: ThreadOptions, onTried: OnTried, file = THREAD_FILE) {
    this.#onTried = onTried
    this.#worker = new Worker(file, {
      workerData: options,
      resourceLimits: THREAD_LIMITS,
      // Flags of the main thread (a test runner's, a debugger's) are not for this one; some would stop it.
      execArgv: [],
    })
    // A waiting call keeps the process alive, an idle engine does not.
    this.#worker.unref()
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    this.#worker.on('error', (error) => this.#lose(`its thread crashed: ${error}`, error))
    this.#worker.on('exit', (code) => this.#lose(`its thread ended with code ${code}`))
  }

  /** True once the thread is gone: this object is of no more use. */
  get lost(): boolean {
    return this.#lost
  }

  /** Rejects with `EngineError`. */
  call<K extends CallKind>(
    kind: K,
    model: ModelSpec,
    request: Calls[K]['request'],
    signal: AbortSignal | undefined,
    onProgress: (progress: Calls[K]['progress'], finish: () => void) => void,
  ): Promise<Calls[K]['result']> {
    if (signal?.aborted) return Promise.reject(aborted())
    if (this.#lost) return Promise.reject(threadLost('its thread is gone'))
    const id = this.#calls++
    const cancel = (): void => this.#post({ id, kind: 'cancel' })
    const finish = (): void => this.#post({ id, kind: 'finish' })
    return new Promise<Calls[K]['result']>((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: resolve as Waiting['resolve'],
        reject,
        progress: (progress) => onProgress(progress as Calls[K]['progress'], finish),
      })
      this.#worker.ref()
      signal?.addEventListener('abort', cancel, { once: true })
      // The compiler cannot see that kind and request belong together here; the signature above says so.
      this.#post({ id, kind, model, request } as ToThread)
    }).finally(() => signal?.removeEventListener('abort', cancel))
  }

  /** Rejects what is under way at once, and waits until the thread has come to the end of its step or token. */
  async end(reason: string): Promise<void> {
    const gone = this.#lost
    this.#lose(reason)
    if (gone) return
    this.#worker.ref()
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#post({ kind: 'end' })
    await exit
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromThread): void {
    if (message.kind === 'tried') {
      this.#onTried(message.tried)
      return
    }
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) return
    if (message.kind === 'progress') {
      waiting.progress(message.progress)
      return
    }
    this.#waiting.delete(message.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (message.kind === 'done') waiting.resolve(message.result)
    else if (message.trained) waiting.reject(new TrainingStopped(message.trained))
    else waiting.reject(new EngineError(message.code, message.message))
  }

  #lose(reason: string, cause?: unknown): void {
    this.#lost = true
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(threadLost(reason, cause))
  }
}

function threadLost(reason: string, cause?: unknown): EngineError {
  const message = `the engine lost this call: ${reason}; call again`
  return new EngineError('thread-lost', message, { cause })
}

function aborted(): EngineError {
  return new EngineError('aborted', 'the caller cancelled this call before it began')
}
