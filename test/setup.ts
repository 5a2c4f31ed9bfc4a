/** Loaded before all tests. What is said and decided has no clock and no dice: in its tests both throw. */
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'

// Programs that tests start share what Node has compiled.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/tributary')

const clock = Date.now
const dice = Math.random
const PURE = /\/test\/(unit\/(protocol|core|sim)|property|sim)\//

// One seed for all properties, so that a red run is red again; FC_SEED tries another.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 1) })

export const mochaHooks = {
  beforeEach(this: Mocha.Context): void {
    if (!PURE.test(this.currentTest?.file ?? '')) return
    Date.now = () => refuse('Date.now')
    Math.random = () => refuse('Math.random')
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

function refuse(what: string): never {
  throw new Error(`${what} was called where time and chance must come from outside`)
}
