/** One batch's data from wherever it lies: a header may name it twice, by content id and by another layer's reference. */
import type { Availability } from './availability.ts'
import { AvailabilityError } from './errors.ts'

/**
 * What `accept` makes of the first bytes that it takes; it returns `undefined` for bytes that are not the batch's.
 * Throws what the last reference failed with, but `dropped` before all else, since that is for ever.
 */
export async function readAny<T>(
  availability: Availability,
  references: readonly string[],
  accept: (bytes: Uint8Array) => T | undefined,
  signal: AbortSignal,
): Promise<T> {
  let failure = new AvailabilityError('missing', 'The batch names no data.')
  for (const reference of references) {
    try {
      const accepted = accept(await availability.get(reference, signal))
      if (accepted !== undefined) return accepted
      const message = `What lies under ${reference.slice(0, 60)} is not the data of the batch.`
      throw new AvailabilityError('malformed', message)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof AvailabilityError)) throw error
      if (failure.code !== 'dropped') failure = error
    }
  }
  throw failure
}
