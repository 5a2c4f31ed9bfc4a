/** What the machine has, as far as this process may use it. */
import { totalmem } from 'node:os'

/** Of the machine, or of the container; the rest is for other work and for other programs. */
export const MOST_MEMORY_BYTES =
  0.75 * Math.min(totalmem(), process.constrainedMemory() || totalmem())

/** For messages. */
export function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
