/** The beacon that the options ask for. */
import { QUICKNET } from '../../protocol/drand.ts'
import type { MinedBlocks } from '../chain/mined-blocks.ts'
import type { Config } from '../config/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type Beacon, chainBeacon } from './beacon.ts'
import { DrandBeacon } from './drand.ts'

export function configuredBeacon(
  { beacon, drandRelays: relays }: Pick<Config, 'beacon' | 'drandRelays'>,
  blocks: Pick<MinedBlocks, 'at' | 'withHash'>,
  log: Logger,
): Beacon & Disposable {
  if (beacon === 'drand') return new DrandBeacon({ network: QUICKNET, relays, blocks, log })
  return Object.assign(chainBeacon(blocks), { [Symbol.dispose]: () => undefined })
}
