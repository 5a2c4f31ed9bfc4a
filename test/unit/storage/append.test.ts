import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { AppendFile } from '../../../worker/storage/append.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { fullDisk } from '../../harness/full-disk.ts'

describe('a file that only grows', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = testFolder('append')
    path = join(folder, 'file')
  })
  afterEach(() => removeFolder(folder))

  const content = (): string => readFileSync(path, 'utf8')

  it('goes on behind what an earlier life has written', () => {
    writeFileSync(path, 'one ')
    const file = AppendFile.open(path)
    file.append(Buffer.from('two '), true)
    file.append(Buffer.from('three'), false)
    file.close()
    assert.equal(content(), 'one two three')
    assert.equal(file.bytes, content().length)
  })

  it('has nothing of a record that did not fit, and takes others when there is room again', () => {
    const file = AppendFile.open(path)
    file.append(Buffer.from('one '), true)
    {
      using _ = fullDisk(2)
      assert.throws(() => file.append(Buffer.from('two '), true), /ENOSPC/)
    }
    assert.equal(content(), 'one ')
    file.append(Buffer.from('three'), true)
    file.close()
    assert.equal(content(), 'one three')
  })

  it('takes nothing more where half a record could not be cut off', () => {
    const file = AppendFile.open(path)
    {
      using _ = fullDisk(2, false)
      assert.throws(() => file.append(Buffer.from('one '), true), /ENOSPC/)
    }
    assert.throws(() => file.append(Buffer.from('two '), true), /half a record/)
    file.close()
    assert.equal(content(), 'on')
  })

  it('is left as it was by another that did not fit in its place', () => {
    writeFileSync(path, 'one ')
    {
      using _ = fullDisk(2)
      assert.throws(() => AppendFile.replace(path, Buffer.from('another')), /ENOSPC/)
    }
    assert.equal(content(), 'one ')
    assert.ok(!existsSync(`${path}.draft`))
    const file = AppendFile.replace(path, Buffer.from('another '))
    file.append(Buffer.from('two'), true)
    file.close()
    assert.equal(content(), 'another two')
  })
})
