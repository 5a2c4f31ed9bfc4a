/** What goes wrong with content and files. `code` tells a program what the message tells a person. */
import { CodedError } from '../errors.ts'

export type StorageCode =
  | 'missing'
  | 'malformed'
  | 'too-large'
  | 'lies'
  /** Nobody delivers it in time. */
  | 'stalled'
  /** The same of what a claim commits to, which its worker has to deliver. */
  | 'withheld'
  | 'unwritable'
  /** What this node has said is lost in part. */
  | 'damaged'

export class StorageError extends CodedError<StorageCode> {
  override readonly name = 'StorageError'
}
