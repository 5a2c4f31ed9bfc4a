/** The parts of a running node, as its HTTP interface and its start-up see them. */
import type { OfferedModel } from './api/offered-models.ts'
import type { Orders } from './api/orders.ts'
import type { Records } from './api/records.ts'
import type { Texts } from './api/texts.ts'
import type { ChainClient } from './chain/client.ts'
import type { Deployment } from './chain/deployment.ts'
import type { Config } from './config/schema.ts'
import type { GasPurse } from './gas-purse.ts'
import type { Gossip } from './network/gossip.ts'
import type { Peer } from './network/peer.ts'
import type { Runtime } from './runtime.ts'
import type { Content } from './storage/content.ts'
import type { Key } from './storage/keys.ts'
import type { Shelf } from './storage/shelf.ts'
import type { Logger } from './telemetry/logger.ts'

export interface Service {
  readonly config: Config
  readonly log: Logger
  readonly key: Key
  readonly owner: Key
  readonly deployment: Deployment
  readonly runtime: Runtime
  readonly peer: Peer
  readonly gossip: Gossip
  readonly content: Content
  /** Where its blocks lie. */
  readonly shelf: Shelf
  readonly records: Records
  readonly purse: GasPurse
  /** Writes as the owner: stakes, datanets. */
  readonly ownerChain: ChainClient
  /** What only a gateway has. */
  readonly gateway?: Gateway
}

/** The parts that take orders. */
export interface Gateway {
  readonly texts: Texts
  readonly orders: Orders
  /** The base models that it takes orders for; the first where none is named. */
  readonly models: readonly OfferedModel[]
}
