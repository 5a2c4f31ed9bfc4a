/** What goes wrong on the network. */
export type NetworkCode = 'port-in-use' | 'bad-address' | 'unreachable' | 'protocol'

export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkCode

  constructor(code: NetworkCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
