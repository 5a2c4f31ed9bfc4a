/** What keeps a round of drand from a node. */
import { CodedError } from '../errors.ts'

export type BeaconCode =
  /** No block has come whose round nobody could know when the check began. */
  | 'chain-behind'
  /** By this machine's clock the round is not out for long. */
  | 'far-ahead'
  /** No relay gives a round that the network has signed. */
  | 'no-round'
  /** The beacon was closed. */
  | 'closed'

export class BeaconError extends CodedError<BeaconCode> {
  override readonly name = 'BeaconError'
}
