/** Each kind of duty with what carries it out. */
import type { Address } from '../../protocol/fields.ts'
import { configuredAvailability } from '../availability/configured.ts'
import type { Beacon } from '../beacon/beacon.ts'
import type { ChainClient } from '../chain/client.ts'
import type { BlockHash } from '../chain/mined-blocks.ts'
import type { Config } from '../config/schema.ts'
import type { Peer } from '../network/peer.ts'
import type { Performers, Runtime } from '../runtime.ts'
import type { Ballots } from '../storage/ballots.ts'
import type { Content } from '../storage/content.ts'
import type { Logger } from '../telemetry/logger.ts'
import { performOffer, performReadBatch, performRetrieve } from './batch-data.ts'
import { performExecute } from './execute.ts'
import { type JudgingOptions, judging } from './judging.ts'
import type { Knowledge } from './knowledge.ts'
import { proofAgainst } from './proof.ts'
import {
  performAccuse,
  performFinalise,
  performGiveBack,
  performPost,
  performRegister,
  performTakeBack,
} from './settle.ts'
import { performFollow } from './take-over.ts'
import { checking, performRead, performVerify } from './verify.ts'

export interface PerformerOptions {
  readonly self: Address
  readonly owner: Address
  readonly config: Config
  readonly runtime: Runtime
  readonly knowledge: Knowledge
  readonly content: Content
  readonly ballots: Ballots
  readonly peer: Peer
  readonly nodeChain: ChainClient
  readonly blockHash: BlockHash
  readonly beacon: Beacon
  readonly log: Logger
}

export function performers(options: PerformerOptions): Performers {
  const { config, content, ballots, runtime, nodeChain, beacon, log } = options
  const settle = { runtime, chain: nodeChain, log }
  const check = checking(options)
  const prove: JudgingOptions['prove'] = (place, signal) => proofAgainst(options, place, signal)
  const availability = configuredAvailability(config, content, log)
  return {
    execute: performExecute({ ...options, useAdapter: config.misbehave !== 'skip-adapter' }),
    follow: performFollow(content, log),
    verify: performVerify(check, beacon),
    read: performRead(content),
    post: performPost(settle),
    finalise: performFinalise(settle),
    offer: performOffer(content, availability),
    retrieve: performRetrieve(availability),
    accuse: performAccuse(settle),
    'take-back': performTakeBack(settle),
    'give-back': performGiveBack(settle),
    register: performRegister(settle, options.owner),
    'read-batch': performReadBatch(availability, content),
    ...judging({ ...settle, ballots, check, beacon, prove }),
  }
}
