/** What can go wrong in attribution, in a closed set of words that callers may branch on. */
import { CodedError } from '../errors.ts'

export type AttributionErrorCode =
  /** Lengths, widths or counts do not fit each other. */
  | 'bad-shape'
  /** A feature is NaN or infinite. */
  | 'not-finite'
  /** No trained example has a gradient, so there is no curvature to speak of. */
  | 'nothing-trained'
  /** A token id is not a small whole number. */
  | 'bad-token'
  /** More than one index may hold. */
  | 'too-large'

/** An error of the attribution subsystem: what happened, with which values, and what to do. */
export class AttributionError extends CodedError<AttributionErrorCode> {
  override readonly name = 'AttributionError'
}
