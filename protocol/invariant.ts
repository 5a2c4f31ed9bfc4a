/** Thrown where this program, not a stranger, is wrong. */
class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
}

/** Programmer errors only: what strangers send is judged, never asserted. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message)
}
