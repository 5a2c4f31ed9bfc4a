import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { Derived } from '../../../worker/storage/derived.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

describe('what was worked out before', () => {
  let folder: string
  let made: string[]

  beforeEach(() => {
    folder = testFolder('derived')
    made = []
  })

  afterEach(() => removeFolder(folder))

  const open = (limitBytes = 2 ** 20) =>
    new Derived(folder, { limitBytes, log: createLogger('silent') })
  const value = (id: string, length = 4) => ({
    id,
    numbers: new Int32Array(length).fill(7),
    divisors: Float64Array.of(Number.MIN_VALUE, -0, 1 / 3),
    nested: [{ is: undefined, many: 2n ** 70n }],
  })
  const make = (id: string, length?: number) => async () => {
    made.push(id)
    return value(id, length)
  }
  const file = () => join(folder, readdirSync(folder)[0]!)

  it('comes back to the bit, also after a restart', async () => {
    const first = open()
    for (const derived of [first, first, open()]) {
      assert.deepEqual(await derived.of('a', make('a')), value('a'))
    }
    const kept = await open().of('b', make('b'))
    assert.deepEqual(await open().of('b', make('b')), kept)
    assert.deepEqual(made, ['a', 'b'])
  })

  it('keeps nothing in memory beside it', async () => {
    await open().of('a', make('a'))
    const { numbers, divisors } = await open().of('a', make('a'))
    assert.deepEqual([numbers.buffer.byteLength, divisors.buffer.byteLength], [16, 24])
  })

  it('is worked out again where the disk has lost or altered it', async () => {
    const damages = [
      () => rmSync(file()),
      () => truncateSync(file(), 50),
      () => truncateSync(file(), 0),
      () => writeFileSync(file(), readFileSync(file()).with(60, 255)),
      () => writeFileSync(file(), readFileSync(file()).with(3, 255)),
    ]
    for (const damage of damages) {
      const derived = open()
      await derived.of('a', make('a'))
      damage()
      assert.deepEqual(await derived.of('a', make('a')), value('a'))
      assert.deepEqual(await derived.of('a', make('a')), value('a'))
    }
    assert.equal(made.length, 1 + damages.length)
  })

  it('is another where a file has been put in its place', async () => {
    const derived = open()
    await derived.of('a', make('a'))
    const other = file()
    await derived.of('b', make('b'))
    const path = readdirSync(folder)
      .map((name) => join(folder, name))
      .find((one) => one !== other)!
    writeFileSync(path, readFileSync(other))
    assert.deepEqual(await derived.of('b', make('b')), value('b'))
  })

  it('takes no more room than it may, and goes by when it was used', async () => {
    const derived = open(10_000)
    for (const id of ['a', 'b', 'a', 'c', 'large']) {
      await derived.of(id, make(id, id === 'large' ? 10_000 : 1000))
    }
    assert.equal(readdirSync(folder).length, 2)
    await derived.of('a', make('a'))
    await derived.of('c', make('c'))
    assert.deepEqual(made, ['a', 'b', 'c', 'large'])
  })

  it('is worked out each time where the disk takes nothing', async () => {
    removeFolder(folder)
    writeFileSync(folder, 'no folder')
    const derived = open()
    for (let i = 0; i < 2; i++) assert.deepEqual(await derived.of('a', make('a')), value('a'))
    assert.deepEqual(made, ['a', 'a'])
  })

  it('is not kept where it could not be worked out', async () => {
    const fails = async () => {
      throw new Error('no features')
    }
    await assert.rejects(open().of('a', fails), /no features/)
    assert.deepEqual(await open().of('a', make('a')), value('a'))
  })
})
