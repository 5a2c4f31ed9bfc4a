/** Loaded before all tests. What is said and decided has no clock and no dice: in its tests both throw. */
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'

// Programs that tests start share what Node has compiled.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/tributary')

// Whose call it was may stand far down.
Error.stackTraceLimit = 50

const clock = Date.now
const dice = Math.random
const OTHERS = /\/node_modules\/|\/test\/setup\.ts:/
const PURE = /\/test\/(unit\/(protocol|core|sim)|property|sim)\//

// One seed for all properties, so that a red run is red again; FC_SEED tries another.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 1) })

export const mochaHooks = {
  beforeEach(this: Mocha.Context): void {
    if (!PURE.test(this.currentTest?.file ?? '')) return
    Date.now = refused('Date.now', clock)
    Math.random = refused('Math.random', dice)
  },
  afterEach(this: Mocha.Context): void {
    Date.now = clock
    Math.random = dice
    const error = this.currentTest?.err
    if (error) tellable(error)
  },
}

/** What failed in one of mocha's processes reaches the other as JSON: whatever of it JSON cannot say goes as text. */
function tellable(error: object): void {
  for (const [key, value] of Object.entries(error)) {
    try {
      JSON.stringify(value)
    } catch {
      Object.assign(error, { [key]: inspect(value) })
    }
  }
}

/** What no code of ours has called, such as the last timer of a library from a test before, gets the real one. */
function refused(what: string, real: () => number): () => number {
  return () => {
    const error = new Error(`${what} was called where time and chance must come from outside`)
    if (isOfOurs(error)) throw error
    return real()
  }
}

function isOfOurs({ stack = '' }: Error): boolean {
  return stack.split('\n').some((frame) => frame.includes('file://') && !OTHERS.test(frame))
}
