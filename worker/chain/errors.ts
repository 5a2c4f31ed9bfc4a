/** What can go wrong with the chain, in a closed set of words that callers may branch on. */
import { CodedError } from '../errors.ts'

export type ChainErrorCode =
  /** npm did not install the embedded chain's program for this platform. */
  | 'anvil-missing'
  /** The embedded chain did not start, or ended by itself. */
  | 'anvil-died'
  /** The port asked for is taken by another program. */
  | 'port-in-use'
  /** Another node runs the embedded chain of this data folder. */
  | 'folder-in-use'
  /** The embedded chain's state file cannot be read, nor its copy. */
  | 'state-corrupt'
  /** The chain's newest block lies in the future of this machine's clock. */
  | 'clock-behind'
  /** The deployment file is missing or says something that it may not. */
  | 'bad-deployment'
  /** Contracts would refuse to be deployed with these values. */
  | 'bad-terms'
  /** The chain behind the RPC is not the one of the deployment, or lacks its contracts. */
  | 'wrong-chain'
  /** The RPC cannot be reached, or the connection broke. */
  | 'unreachable'
  /** The RPC's newest block lies far behind that of another address. */
  | 'lagging'
  /** The block that was asked for by its hash is not on the chain any more. */
  | 'block-gone'
  /** The RPC answered with an error, or with something that is no answer. */
  | 'rpc-failed'
  /** An answer or a receipt did not come in time. */
  | 'timeout'
  /** The caller's signal fired. */
  | 'aborted'
  /** A contract refused: `revert` has its error and arguments. */
  | 'reverted'
  /** The signer cannot pay for the transaction. */
  | 'insufficient-funds'
  /** The signer's nonce was used by a transaction that is not ours. */
  | 'nonce-taken'
  /** The outbox file cannot be read. */
  | 'outbox-corrupt'
  /** The bridge file is missing or says something that it may not. */
  | 'bad-bridge'
  /** A value would not pass: the chain has a gas token of its own, or its target takes none. */
  | 'value-refused'
  /** A withdrawal is not as far as it must be for this step. */
  | 'too-early'
  /** Dispute games cover a withdrawal, but none of them claims what the L2 is. */
  | 'false-games'
  /** There is nothing like that among the transfers, or the file of them cannot be read. */
  | 'unknown-transfer'

/** A contract's custom error, decoded. Its arguments are by name, as in the ABI. */
export interface Revert {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/** An error of the chain subsystem: what happened, with which values, and what to do. */
export class ChainError extends CodedError<ChainErrorCode> {
  override readonly name = 'ChainError'
  /** Set where `code` is `reverted`. */
  readonly revert: Revert | undefined

  constructor(code: ChainErrorCode, message: string, options?: ErrorOptions & { revert?: Revert }) {
    super(code, message, options)
    this.revert = options?.revert
  }
}

/** What the signal was fired for, as an error of ours. */
export function abortedError(signal: AbortSignal): ChainError {
  return new ChainError('aborted', 'the wait for the chain was called off', {
    cause: signal.reason,
  })
}
