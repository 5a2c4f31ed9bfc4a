import { randomInt } from 'node:crypto'

/** In an order that nobody could choose (Fisher and Yates). */
export function shuffled<T>(items: Iterable<T>): T[] {
  const dealt = [...items]
  for (let last = dealt.length - 1; last > 0; last--) {
    const other = randomInt(last + 1)
    ;[dealt[last], dealt[other]] = [dealt[other]!, dealt[last]!]
  }
  return dealt
}
