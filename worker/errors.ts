/** Failures of the world, as opposed to mistakes of ours: their messages are meant for people. */

/** What happened, with which values, and what to do. */
export class WorldError extends Error {}

/** The same with a code that a program may branch on. */
export class CodedError<Code extends string> extends WorldError {
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
