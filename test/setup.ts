/** Loaded before all tests. What is said and decided has no clock and no dice: in its tests both throw. */
const clock = Date.now
const dice = Math.random
const PURE = /\/test\/(unit\/(protocol|core)|property|sim)\//

export const mochaHooks = {
  beforeEach(this: Mocha.Context): void {
    if (!PURE.test(this.currentTest?.file ?? '')) return
    Date.now = () => refuse('Date.now')
    Math.random = () => refuse('Math.random')
  },
  afterEach(): void {
    Date.now = clock
    Math.random = dice
  },
}

function refuse(what: string): never {
  throw new Error(`${what} was called where time and chance must come from outside`)
}
