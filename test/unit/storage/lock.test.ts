import { deepEqual, equal, throws } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { lockFolder } from '../../../worker/storage/lock.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const LOCK = new URL('../../../worker/storage/lock.ts', import.meta.url)
const HOLD = `
  const [folder] = process.argv.slice(1)
  const { lockFolder } = await import('${LOCK}')
  lockFolder(folder)
  process.stdout.write('held')
  setInterval(() => undefined, 1000)`
/** Takes the locks of folders one after the other, at the same times as others do; fails where one is another's, too. */
const RACE = `
  const [begin, ...folders] = process.argv.slice(1)
  const { lockFolder } = await import('${LOCK}')
  const { mkdirSync } = await import('node:fs')
  for (const [round, folder] of folders.entries()) {
    while (Date.now() < Number(begin) + 20 * round);
    try {
      lockFolder(folder)
    } catch (error) {
      if (!/in use/.test(error.message)) throw error
      continue
    }
    mkdirSync(folder + '/held')
  }`

describe('the lock of a data folder', () => {
  let folder: string
  let holder: ChildProcess

  beforeEach(async () => {
    folder = testFolder('lock')
    const words = ['--input-type=module', '--eval', HOLD, folder]
    holder = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(holder.stdout!, 'data')
  })

  afterEach(() => {
    holder.kill('SIGKILL')
    removeFolder(folder)
  })

  it('keeps others out for as long as the process lives that took it', async () => {
    throws(() => lockFolder(folder), new RegExp(`in use by process ${holder.pid}\\.`))
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    lockFolder(folder)[Symbol.dispose]()
    equal(existsSync(join(folder, 'lock')), false)
  })

  it('says what to do where there can be none', () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    throws(() => lockFolder(join(file, 'data')), /cannot be written \(ENOTDIR.*--data/)
    throws(() => lockFolder(file), /cannot be written \(EEXIST.*--data/)
  })

  it('is void where another process has the number of one that was killed', function () {
    if (!existsSync('/proc/self/stat')) this.skip()
    const path = join(folder, 'lock')
    const [, start] = readFileSync(path, 'utf8').split(' ')
    writeFileSync(path, `${process.ppid} ${start}`)
    lockFolder(folder)[Symbol.dispose]()
  })

  it('has one holder where several find one left by the dead', async () => {
    const rounds = Array.from({ length: 100 }, (_, round) => join(folder, `${round}`))
    for (const round of rounds) {
      mkdirSync(round)
      writeFileSync(join(round, 'lock'), `${process.pid} another start\n`)
    }
    const words = ['--input-type=module', '--eval', RACE, `${Date.now() + 1000}`, ...rounds]
    const racers = [1, 2, 3].map(() => spawn(process.execPath, words, { stdio: 'inherit' }))
    const ends = await Promise.all(racers.map((racer) => once(racer, 'exit')))
    deepEqual(
      ends.map(([code]) => code),
      [0, 0, 0],
    )
  })
})
