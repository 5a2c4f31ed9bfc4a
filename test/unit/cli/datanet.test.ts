import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'mocha'
import type { Cid } from '../../../protocol/fields.ts'
import { datanetRows } from '../../../worker/cli/datanet-chain.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { tributary } from '../../harness/program.ts'
import { ACCOUNT, words } from '../datanet/texts.ts'

describe('datanet add', () => {
  const folder = testFolder('draft')
  after(() => removeFolder(folder))

  it('takes the files that can be read, and refuses a folder and what is not there', async () => {
    for (const name of ['first.md', 'second.md']) {
      writeFileSync(join(folder, name), words(name, 200).join(' '))
    }
    mkdirSync(join(folder, 'inside'))
    await tributary(folder, ['datanet', 'create', 'notes'])
    const files = ['first.md', 'inside', 'nowhere.md', 'second.md']
    const options = ['--contributor', ACCOUNT, '--licence', 'MIT']
    const { code, err } = await tributary(folder, ['datanet', 'add', 'notes', ...files, ...options])
    const lines = err.trim().split('\n')
    assert.deepEqual([code, lines.length], [1, 5], err)
    assert.match(lines[1]!, /^inside: refused: it cannot be read \(EISDIR/)
    assert.match(lines[2]!, /^nowhere.md: refused: it cannot be read \(ENOENT/)
    assert.equal(lines[4], '2 of 4 files were refused.')
    const draft = readFileSync(join(folder, '.tributary/datanets/notes.jsonl'), 'utf8')
    const taken = draft.trim().split('\n')
    assert.deepEqual(
      taken.map((line) => JSON.parse(line).name),
      ['first.md', 'second.md'],
    )
  })
})

describe('datanet show', () => {
  it('prints no controls of a terminal, whatever a datanet is called', () => {
    const own = { operator: ACCOUNT, versions: 1, minimumBondWei: 1n, flagBondWei: 1n }
    const hash = `0x${'cd'.repeat(32)}` as const
    const version = { version: 1, contributions: 1, root: hash, licence: 'MIT', totalBytes: 9 }
    const rows = datanetRows(
      3,
      { ...own, name: 'docs\u001b[2J\r\nroot  0x12', licence: 'MIT\u202e' },
      { ...version, manifest: 'bafy\u001b]52;c;AAAA\u0007' as Cid } as never,
    )
    assert.equal(rows[0]![1], '3, docs [2J root  0x12 (MIT), 1 versions')
    assert.equal(rows[4]![1], 'bafy ]52;c;AAAA')
  })
})
