/** What a virtual node is made of, and its ways to others and to the world. */
import type { Gate } from '../coordinator-free/admission.ts'
import type { Effect } from '../coordinator-free/events.ts'
import type { ParameterTerms } from '../coordinator-free/parameters.ts'
import type { PayoutRules } from '../coordinator-free/payout.ts'
import type { Registry } from '../coordinator-free/registry.ts'
import type { Role } from '../protocol/chain.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Audience, Message } from '../protocol/message.ts'
import type { Random } from '../protocol/prng.ts'
import type { BatchData } from '../protocol/settlement.ts'
import type { Manner } from './adversaries/kinds.ts'
import type { Clock } from './clock.ts'
import type { SimNode } from './node.ts'
import type { Signer } from './signing.ts'
import type { Timeline } from './timeline.ts'

export interface NodeOptions {
  readonly index: number
  readonly role: Role
  readonly manner: Manner
  readonly signer: Signer
  readonly gate: Gate
  readonly rules: PayoutRules
  readonly parameters: ParameterTerms
  readonly challengeBudgetWei: bigint
  readonly clock: Clock
  readonly timeline: Timeline
  readonly dice: Random
  /** Milliseconds by which this node's clock is ahead. */
  readonly skewMs: number
  /** How many times as long as the fastest it works. */
  readonly slowness: number
  /** Work takes as long as its units say, as that of real nodes. */
  readonly worksBySize: boolean
  /** How the node reaches others and the world: given by the world. */
  readonly world: Surroundings
}

export interface Surroundings {
  /** Nodes that are in it together. */
  readonly ring: Set<Address>
  /** What the chain tells of stakes, for all nodes. */
  registry(): Registry
  /** Some node has crashed, or has come back. */
  noteUp(): void
  isOver(): boolean
  /** A stream of randomness for one purpose. */
  dice(purpose: string): Random
  broadcast(from: number, message: Message, bytes: Uint8Array, to: Audience): void
  /** Bytes that nobody vouches for. */
  shout(from: number, bytes: Uint8Array): void
  reconcile(from: number, deliver: (to: SimNode) => void): void
  reply(from: number, to: number, envelopes: readonly Uint8Array[]): void
  /** Batch data by content id, from any node that is up. */
  find(cid: Cid): Uint8Array | undefined
  batchAt(cid: Cid): BatchData | undefined
  isChainDown(): boolean
  chainFails(): boolean
  observe(node: SimNode, effect: Effect): void
}

/** Work done, by what a worker is paid for such jobs, in wei. */
export interface Effort {
  executed: bigint
  /** Done as cheaply as a lie is. */
  cheap: bigint
  checked: bigint
}
