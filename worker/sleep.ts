/** A pause that the caller's signal ends at once. */
import { setTimeout } from 'node:timers/promises'

/** Waits `ms`; rejects with the signal's reason where it fires first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}
