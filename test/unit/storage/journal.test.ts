import assert from 'node:assert/strict'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { MAX_ENVELOPE_BYTES, MAX_JOB_LIFETIME_MS } from '../../../protocol/params.ts'
import { StorageError } from '../../../worker/storage/errors.ts'
import { Journal } from '../../../worker/storage/journal.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { fullDisk } from '../../harness/full-disk.ts'

const NOW_MS = 1_800_000_000_000
const said = (number: number) => Buffer.alloc(10 * number, number)

describe('the journal', () => {
  let folder = ''
  beforeEach(() => {
    folder = testFolder('journal')
  })
  afterEach(() => removeFolder(folder))

  const opened = (nowMs = NOW_MS): Journal => new Journal(folder, nowMs)
  const path = (): string => join(folder, 'journal')
  const readSize = (): number => statSync(path()).size

  function filled(count: number): void {
    const journal = opened()
    for (let i = 1; i <= count; i++) journal.write(`slot ${i}`, said(i), NOW_MS)
    journal.close()
  }

  /** What it holds when it is opened anew. */
  function statements(): Buffer[] {
    const journal = opened()
    journal.close()
    return journal.statements().map(Buffer.from)
  }

  it('keeps what was said in memory of its own, and not what lay around it', () => {
    const around = Buffer.alloc(100_000, 7)
    const journal = opened()
    journal.write('slot', around.subarray(500, 600), NOW_MS)
    const fresh = opened()
    for (const held of [journal.held('slot')!, fresh.held('slot')!]) {
      assert.deepEqual([held.length, held.buffer.byteLength, held[0]], [100, 100, 7])
    }
    journal.close()
    fresh.close()
  })

  it('gives back what was said, in order, after a restart', () => {
    filled(3)
    const journal = opened()
    assert.deepEqual(journal.statements().map(Buffer.from), [said(1), said(2), said(3)])
    assert.deepEqual(Buffer.from(journal.held('slot 2')!), said(2))
    assert.equal(journal.held('slot 4'), undefined)
    journal.close()
  })

  it('holds one statement a slot', () => {
    const journal = opened()
    journal.write('slot', said(1), NOW_MS)
    assert.throws(() => journal.write('slot', said(2), NOW_MS), StorageError)
    assert.deepEqual(Buffer.from(journal.held('slot')!), said(1))
    journal.close()
  })

  it('cut off anywhere by a crash, keeps all statements before the cut', () => {
    filled(4)
    const whole = readFileSync(path())
    const ends = endsOf(whole)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (at) => {
        writeFileSync(path(), whole)
        truncateSync(path(), at)
        const journal = opened()
        assert.equal(journal.statements().length, ends.filter((end) => end <= at).length)
        journal.close()
      }),
      { numRuns: 60 },
    )
  })

  it('damaged anywhere, loses the one statement that is damaged and none behind it', () => {
    filled(4)
    const whole = readFileSync(path())
    const ends = endsOf(whole)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(whole)
        damaged[at] = damaged[at]! ^ change
        writeFileSync(path(), damaged)
        const lost = 1 + ends.findIndex((end) => at < end)
        const kept = [1, 2, 3, 4].filter((number) => number !== lost)
        assert.deepEqual(statements(), kept.map(said))
        const again = opened()
        // The last one may as well be torn, and was not said then.
        assert.equal(again.lostBeforeMs, lost === 4 ? undefined : NOW_MS)
        assert.equal(again.lostBytes, 0)
        again.close()
      }),
      { numRuns: 60 },
    )
  })

  it('keeps what stands behind half a record, as earlier versions left it on a full disk', () => {
    filled(4)
    const whole = readFileSync(path())
    const [first, second] = endsOf(whole)
    const half = whole.subarray(first, second! - 5)
    writeFileSync(path(), Buffer.concat([whole.subarray(0, first), half, whole.subarray(second)]))
    assert.deepEqual(statements(), [1, 3, 4].map(said))
  })

  it('keeps what stands behind records that are whole, but no statements', () => {
    filled(2)
    const whole = readFileSync(path())
    const others = [Buffer.from('no dag-cbor'), dagCbor.encode({ version: 2 })].map(framed)
    writeFileSync(path(), Buffer.concat([...others, whole]))
    assert.deepEqual(statements(), [1, 2].map(said))
  })

  it('refuses what it would not read again', () => {
    const journal = opened()
    const largest = Buffer.alloc(MAX_ENVELOPE_BYTES, 1)
    const refused = { name: 'StorageError', code: 'too-large', message: /65536 bytes.*65537/ }
    const larger = Buffer.alloc(MAX_ENVELOPE_BYTES + 1)
    assert.throws(() => journal.write('larger', larger, NOW_MS), refused)
    assert.throws(() => journal.write('s'.repeat(1025), said(1), NOW_MS), { code: 'too-large' })
    assert.equal(journal.held('larger'), undefined)
    journal.write('largest', largest, NOW_MS)
    journal.write('next', said(1), NOW_MS)
    journal.close()
    assert.deepEqual(statements(), [largest, said(1)])
  })

  it('holds what it let be said, and only that, when the disk was full for a while', () => {
    const journal = opened()
    journal.write('slot 1', said(1), NOW_MS)
    {
      using _ = fullDisk(30)
      for (const slot of ['slot 2', 'slot 2', 'slot 3']) {
        assert.throws(() => journal.write(slot, said(2), NOW_MS), { code: 'unwritable' })
      }
    }
    assert.equal(journal.held('slot 2'), undefined)
    journal.write('slot 4', said(4), NOW_MS)
    journal.close()
    assert.deepEqual(statements(), [1, 4].map(said))
  })

  it('loses nothing where there is no room to write it anew at opening', () => {
    filled(4)
    {
      using _ = fullDisk(readFileSync(path()).length - 5)
      assert.throws(() => opened(), { code: 'unwritable' })
    }
    assert.deepEqual(statements(), [1, 2, 3, 4].map(said))
  })

  it('forgets what can no longer matter', () => {
    filled(2)
    const laterMs = NOW_MS + 3 * MAX_JOB_LIFETIME_MS + 1
    const journal = opened(laterMs)
    journal.write('later', said(3), laterMs)
    journal.close()
    const again = opened(laterMs)
    assert.deepEqual(again.statements().map(Buffer.from), [said(3)])
    again.close()
  })

  it('forgets nothing where the clock is ahead when the node starts', () => {
    filled(2)
    const ahead = opened(NOW_MS + 24 * 3_600_000)
    assert.throws(() => ahead.write('slot 1', said(9), NOW_MS + 24 * 3_600_000), { code: 'lies' })
    ahead.close()
    assert.deepEqual(statements(), [1, 2].map(said))
  })

  it('lets go of what is too old while it runs, in memory and on the disk', () => {
    let elapsedMs = 0
    const journal = new Journal(folder, NOW_MS, { keepMs: 1000, elapsedMs: () => elapsedMs })
    const write = (number: number) => journal.write(`slot ${number}`, said(1), NOW_MS + elapsedMs)
    let most = 0
    for (let number = 0; number < 10_000; number++, elapsedMs += 1) {
      write(number)
      most = Math.max(most, readSize())
    }
    assert.equal(journal.statements().length, 1000)
    assert.equal(journal.held('slot 8999'), undefined)
    assert.ok(journal.held('slot 9000'))
    const [, second] = endsOf(readFileSync(path()))
    assert.ok(most < 4000 * (second! / 2 + 10), `${most} bytes`)
    journal.close()
    const again = new Journal(folder, NOW_MS + elapsedMs, { keepMs: 1000 })
    assert.equal(again.statements().length, 1000)
    again.close()
  })

  it('keeps what a clock that was set ahead for a moment makes old, and stays whole on a full disk', () => {
    let elapsedMs = 0
    const journal = new Journal(folder, NOW_MS, { keepMs: 1000, elapsedMs: () => elapsedMs })
    journal.write('slot', said(1), NOW_MS)
    journal.write('ahead', said(2), NOW_MS + 1_000_000)
    assert.ok(journal.held('slot'))
    for (let number = 0; number < 2000; number++) {
      journal.write(`slot ${number}`, said(1), NOW_MS + 1_000_000)
    }
    elapsedMs = 2000
    {
      // Room for what is said, and not for the file anew.
      using _ = fullDisk(120)
      journal.write('last', said(3), NOW_MS + 1_003_000)
    }
    assert.ok(readSize() > 50_000, `${readSize()}`)
    assert.deepEqual(journal.statements().map(Buffer.from), [said(3)])
    journal.write('after', said(4), NOW_MS + 1_003_000)
    journal.close()
    const again = new Journal(folder, NOW_MS + 1_003_000, { keepMs: 1000 })
    assert.deepEqual(again.statements().map(Buffer.from), [said(3), said(4)])
    again.close()
  })

  it('says so where it cannot be written', () => {
    assert.throws(() => new Journal(join(folder, 'missing'), NOW_MS), StorageError)
  })
})

/** Where each record of a journal ends. */
function endsOf(content: Buffer): number[] {
  const ends: number[] = []
  for (let at = 0; at < content.length; ) {
    at += 8 + content.readUInt32BE(at)
    ends.push(at)
  }
  return ends
}

function framed(body: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(body.length, 0)
  header.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([header, body])
}
