/** Stop strings: a text ends before the first of them, and nothing of it is ever given out, whatever tokens it came in. */

/** Stop strings that one text may have, as callers know it from OpenAI. */
const MOST_STOPS = 4

export interface StoppingText {
  /** Adds text as it comes, and gives what is certain to stay. */
  push(text: string): string
  /** What was held back, once no more text comes. */
  end(): string
  /** The stop string that was found, if one was. */
  readonly found: string | undefined
}

/** Throws RangeError where the stop strings cannot be meant. */
export function stoppingText(stops: readonly string[]): StoppingText {
  if (stops.length > MOST_STOPS || stops.includes('')) {
    throw new RangeError(`there may be ${MOST_STOPS} stop strings, none of them empty`)
  }
  let held = ''
  let found: string | undefined
  const give = (end: number): string => {
    const given = held.slice(0, end)
    held = held.slice(end)
    return given
  }
  return {
    push(text) {
      if (found !== undefined) return ''
      held += text
      const first = earliest(held, stops)
      if (first === undefined) return give(held.length - undecided(held, stops))
      found = first.stop
      const given = give(first.place)
      held = ''
      return given
    },
    end: () => give(held.length),
    get found() {
      return found
    },
  }
}

/** The stop string that is complete first, so that it is the same one however the text is cut; of several the longest. */
function earliest(text: string, stops: readonly string[]) {
  return stops
    .map((stop) => ({ stop, place: text.indexOf(stop) }))
    .filter(({ place }) => place >= 0)
    .map((found) => ({ ...found, end: found.place + found.stop.length }))
    .sort((a, b) => a.end - b.end || a.place - b.place)[0]
}

/** Length of the longest end of the text that a stop string begins with. */
function undecided(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1))
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    if (stops.some((stop) => stop.startsWith(text.slice(-length)))) return length
  }
  return 0
}
