/** Waits that end: by time, by the caller's signal, or by an answer. */
import { abortedError, ChainError } from './errors.ts'

/** Waits `ms`; throws `ChainError` `aborted` where the signal fires first. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await within(new Promise<void>(() => undefined), ms, signal, () => undefined)
}

/**
 * The promise's outcome, where it comes within `ms`; else what `late` returns or throws. Throws `ChainError` `aborted`
 * where the signal fires first. Nothing stays behind: no timer, no listener.
 */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
  late: () => T,
): Promise<T> {
  // Whoever loses the race must not end as an unhandled rejection.
  promise.catch(() => undefined)
  if (signal?.aborted) throw abortedError(signal)
  return await new Promise<T>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      try {
        settle()
      } catch (error) {
        reject(error)
      }
    }
    const onAbort = (): void => end(() => reject(abortedError(signal!)))
    const timer = setTimeout(() => end(() => resolve(late())), ms)
    signal?.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    )
  })
}

/**
 * Tries again, with waits that double from 100 ms to 2 s, while the RPC cannot be reached and `untilMs` (on
 * `performance.now`'s clock) has not come. Any other failure is thrown at once.
 */
export async function whileUnreachable<T>(
  attempt: () => Promise<T>,
  untilMs: number,
  signal?: AbortSignal,
): Promise<T> {
  for (let waitMs = 100; ; waitMs = Math.min(2 * waitMs, 2000)) {
    try {
      return await attempt()
    } catch (error) {
      if (!isPassing(error) || performance.now() + waitMs > untilMs) throw error
      await sleep(waitMs, signal)
    }
  }
}

/** True for failures of the connection, which say nothing about the request. */
export function isPassing(error: unknown): error is ChainError {
  return error instanceof ChainError && (error.code === 'unreachable' || error.code === 'timeout')
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise that is settled from outside; unheard, its rejection is nobody's. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
