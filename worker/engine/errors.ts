/** What can go wrong in the engine, in a closed set of words that callers may branch on. */
import { CodedError } from '../errors.ts'

export type EngineErrorCode =
  /** The model's config asks for something that no family here can do. */
  | 'unsupported-model'
  /** A file is missing, truncated, or says something untrue about itself. */
  | 'bad-file'
  /** An adapter does not fit the base model or the job. */
  | 'bad-adapter'
  /** The caller's tokens, weights or sizes are out of bounds. */
  | 'bad-input'
  /** A chat template refuses a conversation. */
  | 'bad-chat'
  /** The call would never fit into the memory that it may take. */
  | 'over-budget'
  /** Too many texts wait already. */
  | 'busy'
  /** A NaN or an infinity came out of the computation. */
  | 'not-finite'
  /** The caller's signal fired. */
  | 'aborted'
  /** The engine's thread died; the next call starts another. */
  | 'thread-lost'
  /** The engine was disposed of. */
  | 'closed'
  /** ONNX Runtime refused a graph or a run. */
  | 'runtime'

/** An error of the engine: what happened, with which values, and what to do. */
export class EngineError extends CodedError<EngineErrorCode> {
  override readonly name = 'EngineError'
}
