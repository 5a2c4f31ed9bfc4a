/** A node of bad will: its core is everybody's, and what it does with the core's effects is its own. */
import type { Duty, Effect, Event, Result } from '../../coordinator-free/events.ts'
import type { Ledger } from '../../coordinator-free/ledger.ts'
import type { Role } from '../../protocol/chain.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Message } from '../../protocol/message.ts'
import type { Random } from '../../protocol/prng.ts'
import type { Domain } from '../../protocol/struct.ts'
import type { Verdict } from '../../protocol/vote.ts'

/** Wraps the effects of one core. Returns false for an effect that it does as everybody does. */
export type Adversary = (effect: Effect) => boolean

export type Execution = Extract<Duty, { kind: 'execute' }>
/** Work on somebody's claim, as an auditor or as a juror. */
export type Check = Extract<Duty, { kind: 'verify' | 'hear' }>

/**
 * How a validator knows what a run of a claim shows: it has looked, which costs a check; the worker has told it; or it makes it
 * up.
 */
export type Knowledge = 'looked' | 'told' | 'guessed'

/** What an adversary has of its node. */
export interface Body {
  readonly self: Address
  readonly role: Role
  readonly dice: Random
  readonly messages: Domain
  /** Nodes that are in it together: each sees the others. */
  readonly ring: Set<Address>
  readonly ledger: Ledger
  readonly nowMs: number
  /** True when the workload is over: what only disturbs ends then. */
  readonly isOver: boolean
  handle(event: Event): void
  /** Does an effect as everybody does. */
  perform(effect: Effect): void
  /** Hands in a result after as long as honest work takes. It costs that much, or little where it is `cheap`. */
  claim(execution: Execution, result: Result, cost: 'executed' | 'cheap'): void
  /** Says of a claim what it likes. */
  judge(check: Check, verdict: Verdict, knows: Knowledge): void
  /** Signs and tells everybody, without writing down what was said. */
  say(message: Message): void
  /** Throws bytes at everybody. */
  shout(bytes: Uint8Array): void
  later(delayMs: number, action: () => void): void
  /** Counts that the attack has happened once more. */
  strike(): void
}
