/** The availability layer that the options ask for. */
import type { Config } from '../config/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type Availability, parseReference } from './availability.ts'
import { eigenDaAvailability } from './eigenda.ts'
import { AvailabilityError } from './errors.ts'
import { failoverAvailability } from './failover.ts'
import { ipfsAvailability } from './ipfs.ts'

type Choice = Pick<Config, 'availability' | 'eigendaProxy'>

/**
 * Writes to the layer chosen, and reads from any that this node has a way to: others may have chosen otherwise.
 * @throws AvailabilityError `unavailable` where EigenDA is chosen and no proxy named
 */
export function configuredAvailability(
  { availability, eigendaProxy: url }: Choice,
  blocks: Parameters<typeof ipfsAvailability>[0],
  log: Logger,
): Availability {
  const ipfs = ipfsAvailability(blocks)
  if (availability === 'eigenda' && url === '') throw noProxy()
  if (url === '') return withoutProxy(ipfs)
  const eigenda = eigenDaAvailability({ url })
  const onFailover = ({ code, message }: AvailabilityError): void => {
    log.warn({ code, reason: message }, 'batch data goes to IPFS instead of EigenDA')
  }
  const both = failoverAvailability({ first: eigenda, ipfs, onFailover })
  return availability === 'eigenda' ? both : { ...both, name: ipfs.name, put: ipfs.put }
}

function withoutProxy(ipfs: Availability): Availability {
  return {
    ...ipfs,
    get: async (reference, signal) => {
      if (parseReference(reference).layer === 'eigenda') throw noProxy()
      return await ipfs.get(reference, signal)
    },
  }
}

function noProxy(): AvailabilityError {
  const message =
    'This node has no way to EigenDA: name a proxy with --eigenda-proxy, such as http://127.0.0.1:3100.'
  return new AvailabilityError('unavailable', message)
}
