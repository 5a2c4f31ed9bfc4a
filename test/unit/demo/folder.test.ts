import { deepEqual, rejects } from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { takeFolder } from '../../../worker/demo/folder.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

describe("a demo's folder", () => {
  let folder: string

  beforeEach(() => {
    folder = testFolder('demo')
  })

  afterEach(() => removeFolder(folder))

  it('loses nothing that no demo has left there', async () => {
    writeFileSync(join(folder, 'node.key'), '0x1')
    await rejects(takeFolder(folder), /holds what no demo has left there.*--data/)
    deepEqual(readdirSync(folder), ['node.key'])
  })

  it('loses what an earlier demo left', async () => {
    const first = await takeFolder(folder)
    mkdirSync(join(folder, 'chain'))
    first[Symbol.dispose]()
    const second = await takeFolder(folder)
    deepEqual(readdirSync(folder), ['demo', 'lock'])
    second[Symbol.dispose]()
  })
})
