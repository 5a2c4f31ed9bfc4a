/** What can go wrong with a datanet version, in a closed set of words that callers may branch on. */
import { CodedError } from '../errors.ts'

export type DatanetErrorCode =
  /** A contribution breaks the schema; the door refuses such ones, so it did not come through the door. */
  | 'bad-contribution'
  /** More contributions, bytes or shards than a version may have; or none. */
  | 'bad-size'
  /** The manifest's figures do not fit each other, or it is no manifest. */
  | 'bad-manifest'
  /** A shard's bytes are not those that the manifest names, or are no shard. */
  | 'bad-shard'
  /** The contributions do not have the root that the manifest, and the L2, say. */
  | 'wrong-root'
  /** A folder to take contributions from cannot be read. */
  | 'bad-folder'
  /** There is no such datanet, or it is another operator's. */
  | 'not-operator'

/** An error of the datanet subsystem: what happened, with which values, and what to do. */
export class DatanetError extends CodedError<DatanetErrorCode> {
  override readonly name = 'DatanetError'
}
