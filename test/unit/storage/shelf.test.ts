import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { CID } from 'multiformats/cid'
import { pino } from 'pino'
import { blockOf } from '../../../protocol/document.ts'
import { collect } from '../../../worker/network/block-request.ts'
import { Shelf } from '../../../worker/storage/shelf.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const HOUR_MS = 3_600_000
const BLOCK_BYTES = 1000

describe('the shelf', () => {
  let folder: string
  let nowMs: number
  let warned: string[]
  const block = (number: number): Uint8Array => new Uint8Array(BLOCK_BYTES).fill(number)
  const cid = (number: number): CID => CID.parse(blockOf(block(number)).cid)

  beforeEach(() => {
    folder = testFolder('shelf')
    nowMs = 1_800_000_000_000
    warned = []
  })

  afterEach(() => removeFolder(folder))

  /** One that has room for so many blocks. */
  async function opened(blocks: number): Promise<Shelf> {
    const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) })
    const shelf = new Shelf(folder, { mostBytes: blocks * BLOCK_BYTES, log, now: () => nowMs })
    await shelf.open()
    return shelf
  }

  async function held(shelf: Shelf, count: number): Promise<number[]> {
    const numbers = Array.from({ length: count }, (_, i) => i + 1)
    const there = await Promise.all(numbers.map((number) => shelf.has(cid(number))))
    return numbers.filter((_, i) => there[i])
  }

  /** Stores what others sent, an hour apart. */
  async function fetch(shelf: Shelf, from: number, to: number): Promise<void> {
    for (let number = from; number <= to; number++) {
      await shelf.put(cid(number), block(number))
      await shelf.close()
      nowMs += 2 * HOUR_MS
    }
  }

  async function touch(shelf: Shelf, number: number): Promise<void> {
    const bytes = await collect(shelf.get(cid(number)))
    deepEqual(Uint8Array.from(bytes), block(number))
  }

  it('lets go of what was not used for longest when it is full', async () => {
    const shelf = await opened(10)
    await fetch(shelf, 1, 5)
    await touch(shelf, 2)
    nowMs += 2 * HOUR_MS
    await fetch(shelf, 6, 11)
    await shelf.close()
    deepEqual(await held(shelf, 11), [2, 4, 5, 6, 7, 8, 9, 10, 11])
    equal(shelf.passingBytes, 9 * BLOCK_BYTES)
    deepEqual(warned, [])
  })

  it('never lets go of what this node answers for, and after a month of what it made', async () => {
    const shelf = await opened(2)
    await shelf.hold(cid(1), block(1), 'for-good')
    await shelf.hold(cid(2), block(2), 'a-month')
    await touch(shelf, 2)
    nowMs += 29 * 24 * HOUR_MS
    await fetch(shelf, 3, 6)
    await shelf.sweep()
    deepEqual(await held(shelf, 6), [1, 2])
    nowMs += 2 * 24 * HOUR_MS
    await fetch(shelf, 7, 8)
    await shelf.sweep()
    deepEqual(await held(shelf, 8), [1, 8])
  })

  it('says so where all must stay, and keeps it', async () => {
    const shelf = await opened(2)
    for (let number = 1; number <= 4; number++)
      await shelf.hold(cid(number), block(number), 'a-month')
    await shelf.close()
    await shelf.sweep()
    deepEqual(await held(shelf, 4), [1, 2, 3, 4])
    ok(warned.some((line) => line.includes('--store-gib')))
  })

  it('knows after a restart what it holds and what was used last', async () => {
    const before = await opened(10)
    await fetch(before, 1, 9)
    await touch(before, 1)
    await before.close()
    nowMs += 2 * HOUR_MS
    const after = await opened(5)
    await after.close()
    deepEqual(await held(after, 9), [1, 7, 8, 9])
    equal(after.passingBytes, 4 * BLOCK_BYTES)
  })

  it('leaves what was let go of to be fetched again, and writes nothing twice', async () => {
    const shelf = await opened(10)
    await shelf.hold(cid(1), block(1), 'for-good')
    await shelf.put(cid(1), block(1))
    equal(shelf.passingBytes, 0)
    await fetch(shelf, 2, 2)
    const bytes = shelf.passingBytes
    await shelf.put(cid(2), block(2))
    equal(shelf.passingBytes, bytes)
    await shelf.delete(cid(2))
    equal(await shelf.has(cid(2)), false)
    await shelf.put(cid(2), block(2))
    await touch(shelf, 2)
  })

  /** The files of its own blocks, or of those that may go. */
  const files = (part: 'blocks' | 'passing'): string[] =>
    readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))

  it('has no block whose file a power cut left torn or empty, and takes it anew', async () => {
    const shelf = await opened(10)
    await shelf.put(cid(1), block(1))
    await shelf.hold(cid(2), block(2), 'for-good')
    truncateSync(files('passing')[0]!, 0)
    writeFileSync(files('blocks')[0]!, block(2).fill(0, 500))
    for (const number of [1, 2]) {
      await rejects(collect(shelf.get(cid(number))), { name: 'NotFoundError' })
      equal(await shelf.has(cid(number)), false)
      await shelf.put(cid(number), block(number))
      await touch(shelf, number)
    }
    equal(warned.filter((line) => line.includes('damaged')).length, 2)
  })

  it('gives another file of a block where one is torn', async () => {
    const shelf = await opened(10)
    await shelf.put(cid(1), block(1))
    await shelf.hold(cid(1), block(1), 'for-good')
    truncateSync(files('blocks')[0]!, 500)
    await touch(shelf, 1)
    deepEqual(files('blocks'), [])
    await touch(shelf, 1)
  })

  it('takes a block anew that it is to keep, where the one on the disk is torn', async () => {
    const shelf = await opened(10)
    await shelf.put(cid(1), block(1))
    truncateSync(files('passing')[0]!, 500)
    await shelf.hold(cid(1), block(1), 'a-month')
    await touch(shelf, 1)
  })

  it('answers again for a damaged block as soon as it comes from anybody', async () => {
    const shelf = await opened(10)
    await shelf.hold(cid(1), block(1), 'for-good')
    truncateSync(files('blocks')[0]!, 500)
    await rejects(collect(shelf.get(cid(1))))
    await shelf.put(cid(1), block(1))
    equal(files('blocks').length, 1)
    equal(shelf.passingBytes, 0)
    await touch(shelf, 1)
  })

  it('lets go of what was used while the clock was far ahead', async () => {
    const shelf = await opened(10)
    const rightMs = nowMs
    nowMs += 400 * 24 * HOUR_MS
    await fetch(shelf, 1, 9)
    nowMs = rightMs
    const after = await opened(5)
    await after.close()
    equal(after.passingBytes, 4 * BLOCK_BYTES)
    deepEqual(warned, [])
  })

  it('leaves no file open where a reader wants no more', async () => {
    const shelf = await opened(10)
    await shelf.put(cid(1), block(1))
    const off = new AbortController()
    const opening = Promise.withResolvers<fs.FileHandle>()
    const { open } = fs
    // Called off in the midst of opening.
    Object.assign(fs, {
      open: async (path: string) => {
        const handle = await open(path)
        off.abort()
        opening.resolve(handle)
        await setImmediate()
        return handle
      },
    })
    try {
      await collect(shelf.get(cid(1), { signal: off.signal })).catch(() => undefined)
    } finally {
      Object.assign(fs, { open })
    }
    const handle = await opening.promise
    const isOpen = handle.fd >= 0
    if (isOpen) await handle.close()
    ok(!isOpen)
  })

  it('says where the disk takes no more blocks, and leaves nothing behind where it does', async () => {
    const shelf = await opened(10)
    const before = readdirSync(folder)
    await shelf.requireRoom()
    deepEqual(readdirSync(folder), before)
    removeFolder(folder)
    await rejects(shelf.requireRoom(), { code: 'unwritable' })
  })
})
