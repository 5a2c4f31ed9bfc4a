/** What goes wrong on the network. */
import { CodedError } from '../errors.ts'

export type NetworkCode = 'port-in-use' | 'bad-address' | 'unreachable' | 'protocol'

export class NetworkError extends CodedError<NetworkCode> {
  override readonly name = 'NetworkError'
}
