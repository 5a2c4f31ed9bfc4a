import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { Residents } from '../../../worker/engine/residents.ts'

/** Inputs are told apart by identity. */
interface Input {
  readonly name: string
}

describe("inputs in a provider's memory", () => {
  const open = () => {
    const log: string[] = []
    const residents = new Residents(async ({ name }: Input) => {
      log.push(`up ${name}`)
      return { name, dispose: () => void log.push(`gone ${name}`) }
    })
    const run = async (...inputs: Input[]) => {
      const fed = []
      for (const input of inputs) fed.push((await residents.of(input)).name)
      residents.endRun()
      return fed
    }
    return { residents, log, run }
  }

  it('are handed over once, as long as they are fed', async () => {
    const { log, run } = open()
    const [a, b] = [{ name: 'a' }, { name: 'b' }]
    for (let step = 0; step < 9; step++) assert.deepEqual(await run(a, b), ['a', 'b'])
    assert.deepEqual(log, ['up a', 'up b'])
  })

  it('outlive the runs of others, and go when they are fed no more', async () => {
    const { log, run } = open()
    const [a, b] = [{ name: 'a' }, { name: 'b' }]
    await run(a)
    for (let step = 0; step < 3; step++) await run(b)
    await run(a)
    assert.deepEqual(log, ['up a', 'up b'])
    for (let step = 0; step < 4; step++) await run(b)
    assert.deepEqual(log, ['up a', 'up b'])
    await run(b)
    assert.deepEqual(log, ['up a', 'up b', 'gone a'])
    assert.deepEqual(await run(a), ['a'])
    assert.equal(log.at(-1), 'up a')
  })

  it('are others where an equal input is another object', async () => {
    const { log, run } = open()
    await run({ name: 'a' })
    await run({ name: 'a' })
    assert.deepEqual(log, ['up a', 'up a'])
  })

  it('are replaced by what a run made of them', async () => {
    const { residents, log, run } = open()
    const [old, next] = [{ name: 'old' }, { name: 'next' }]
    await residents.of(old)
    residents.replace(old, next, { name: 'made', dispose: () => void log.push('gone made') })
    residents.endRun()
    assert.deepEqual(await run(next), ['made'])
    assert.deepEqual(log, ['up old', 'gone old'])
    for (let step = 0; step < 6; step++) await run({ name: 'other' })
    assert.ok(log.includes('gone made'))
    // What was never fed leaves nothing to let go of.
    residents.replace({ name: 'unfed' }, next, { name: 'again', dispose: () => {} })
    assert.deepEqual(await run(next), ['again'])
  })

  it('all go in the end', async () => {
    const { residents, log, run } = open()
    await run({ name: 'a' }, { name: 'b' })
    residents[Symbol.dispose]()
    assert.deepEqual(log, ['up a', 'up b', 'gone a', 'gone b'])
  })
})
