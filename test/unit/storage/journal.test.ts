import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { MAX_JOB_LIFETIME_MS } from '../../../protocol/params.ts'
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

  it('never gives back damaged bytes', () => {
    filled(4)
    const whole = readFileSync(path())
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(whole)
        damaged[at] = damaged[at]! ^ change
        writeFileSync(path(), damaged)
        const journal = opened()
        for (const [index, bytes] of journal.statements().entries()) {
          assert.deepEqual(Buffer.from(bytes), said(index + 1))
        }
        journal.close()
      }),
      { numRuns: 60 },
    )
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
    const journal = opened(NOW_MS + 3 * MAX_JOB_LIFETIME_MS + 1)
    assert.equal(journal.statements().length, 0)
    journal.close()
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
