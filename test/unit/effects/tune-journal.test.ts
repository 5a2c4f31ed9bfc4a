import assert from 'node:assert/strict'
import { readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'mocha'
import { MAX_JOB_LIFETIME_MS } from '../../../protocol/params.ts'
import { TuneJournal, type TuneProgress } from '../../../worker/effects/tune-journal.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { cidNumber, hashNumber } from '../../harness/messages.ts'

const PROGRESS: TuneProgress = {
  ...{ seed: hashNumber(1), graph: hashNumber(2), seals: [], losses: [], heldOutLosses: [] },
  states: [{ hash: hashNumber(3), cid: cidNumber(1) }],
}

describe('the journal of fine-tunes', () => {
  const folder = testFolder('tunes')
  after(() => removeFolder(folder))

  it('keeps what may still be gone on with, and drops what no open job can be about', () => {
    const journal = new TuneJournal(folder)
    const [old, fresh, newest] = [hashNumber(10), hashNumber(11), hashNumber(12)]
    journal.write(old, PROGRESS)
    journal.write(fresh, PROGRESS)
    const torn = `${hashNumber(13)}.json.new`
    for (const name of [torn, 'notes.txt']) writeFileSync(join(folder, name), 'half')
    const longAgo = (Date.now() - 2 * MAX_JOB_LIFETIME_MS - 1000) / 1000
    for (const name of [`${old}.json`, torn, 'notes.txt']) {
      utimesSync(join(folder, name), longAgo, longAgo)
    }
    journal.write(newest, PROGRESS)
    assert.deepEqual(
      readdirSync(folder).sort(),
      [`${fresh}.json`, `${newest}.json`, 'notes.txt'].sort(),
    )
    assert.deepEqual(journal.read(fresh), PROGRESS)
    assert.equal(journal.read(old), undefined)
  })
})
