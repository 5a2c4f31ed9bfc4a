import { equal, throws } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
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
})
