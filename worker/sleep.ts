/** Pauses, and waits that end by themselves. */
import { setTimeout as pause } from 'node:timers/promises'

/** Waits `ms`; rejects with the signal's reason where it fires first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await pause(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}

/** Ends when the promise has, or when the time is up; it never throws. */
export async function settledWithin(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([promise.catch(() => {}), late])
  clearTimeout(timer)
}
