/** What goes wrong between a batch's data and the layer that keeps it available. */
import { CodedError } from '../errors.ts'

export type AvailabilityCode =
  /** More bytes than the layer takes; nothing was sent. */
  | 'too-large'
  /** Text that is no reference of any layer. */
  | 'bad-reference'
  /** The layer does not have it. */
  | 'missing'
  /** The certificate is invalid for ever: the batch that names it is to be dropped. */
  | 'dropped'
  /** The layer asks for fewer requests, after all tries. */
  | 'busy'
  /** The layer is down, or this node has no way to it. */
  | 'unavailable'
  /** No connection, or no answer in time. */
  | 'unreachable'
  /** A commitment that does not fit a batch header. */
  | 'too-long'
  /** An answer that is none. */
  | 'malformed'
  /** The layer refused the request, or failed at it. */
  | 'refused'

export class AvailabilityError extends CodedError<AvailabilityCode> {
  override readonly name = 'AvailabilityError'
  /** Why EigenDA calls the certificate invalid, where `code` is `dropped` and it said so. */
  readonly statusCode: number | undefined

  constructor(
    code: AvailabilityCode,
    message: string,
    options?: ErrorOptions & { statusCode?: number | undefined },
  ) {
    super(code, message, options)
    this.statusCode = options?.statusCode
  }
}
