/** The layer that the operator chose, and IPFS where it cannot be had. Readers follow the reference, whoever wrote it. */
import { type Availability, parseReference } from './availability.ts'
import { type AvailabilityCode, AvailabilityError } from './errors.ts'

/** What another layer helps against. A proxy that answers nonsense is to be mended, not gone around. */
const PASSING: readonly AvailabilityCode[] = ['busy', 'unavailable', 'unreachable', 'too-long']

export interface FailoverOptions {
  readonly first: Availability
  readonly ipfs: Availability
  /** Told each time the second layer is taken, with the reason. */
  readonly onFailover: (reason: AvailabilityError) => void
}

export function failoverAvailability({ first, ipfs, onFailover }: FailoverOptions): Availability {
  return {
    name: `${first.name}, else ${ipfs.name}`,
    put: async (bytes, signal) => {
      try {
        return await first.put(bytes, signal)
      } catch (error) {
        if (!(error instanceof AvailabilityError) || !PASSING.includes(error.code)) throw error
        onFailover(error)
        return await ipfs.put(bytes, signal)
      }
    },
    get: async (reference, signal) =>
      parseReference(reference).layer === 'ipfs'
        ? await ipfs.get(reference, signal)
        : await first.get(reference, signal),
  }
}
