import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Ballots } from '../../../worker/storage/ballots.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { hashNumber } from '../../harness/messages.ts'

const [CLAIM, OTHER] = [hashNumber(1), hashNumber(2)]

describe('ballots', () => {
  let folder: string

  beforeEach(() => {
    folder = testFolder('ballots')
  })

  afterEach(() => removeFolder(folder))

  it('stand over a restart, whatever is found afterwards', () => {
    const first = new Ballots(folder, Date.now())
    const sealed = first.seal(1, CLAIM, 'fail')
    // Nothing is closed: the process was killed.
    const again = new Ballots(folder, Date.now())
    deepEqual(again.held(1, CLAIM), sealed)
    deepEqual(again.seal(1, CLAIM, 'pass'), sealed)
    first.close()
    again.close()
  })

  it('have a secret each, and are no others’ business', () => {
    const ballots = new Ballots(folder, Date.now())
    const [one, other] = [ballots.seal(1, CLAIM, 'fail'), ballots.seal(2, CLAIM, 'fail')]
    notEqual(one.salt, other.salt)
    equal(statSync(join(folder, 'ballots')).mode & 0o077, 0)
    ballots.close()
  })

  it('are of a case and its claim: a chain that was reorganised may number anew', () => {
    const ballots = new Ballots(folder, Date.now())
    ballots.seal(1, CLAIM, 'fail')
    equal(ballots.held(1, OTHER), undefined)
    equal(ballots.seal(1, OTHER, 'pass').verdict, 'pass')
    ballots.close()
  })
})
