import assert from 'node:assert/strict'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import type { Address } from '../../../protocol/fields.ts'
import { keccakHash, utf8 } from '../../../protocol/hash.ts'
import { DatanetError } from '../../../worker/datanet/errors.ts'
import { type PackageText, packageTexts } from '../../../worker/datanet/packages.ts'
import { testFolder } from '../../harness/folders.ts'

const accountOf = (name: string) => keccakHash(utf8(name)).slice(0, 42) as Address

describe('packageTexts', () => {
  let home = ''
  let folder = ''

  const put = async (path: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  const all = async (signal?: AbortSignal): Promise<PackageText[]> => {
    const texts: PackageText[] = []
    for await (const text of packageTexts(folder, accountOf, signal)) texts.push(text)
    return texts
  }

  before(async () => {
    home = testFolder('packages')
    folder = join(home, 'node_modules')
    const licensed = (license: unknown) => JSON.stringify({ license })
    await put('zeta/package.json', licensed('MIT'))
    await put('zeta/README.md', '# zeta')
    await put('@scope/beta/package.json', licensed({ type: 'ISC' }))
    await put('@scope/beta/readme.markdown', '# beta')
    await put('@scope-two/gamma/package.json', licensed('MIT'))
    await put('@scope-two/gamma/README.md', '# gamma')
    await put(
      'alpha/package.json',
      JSON.stringify({ licenses: [{ type: 'MIT' }, { type: 'ISC' }] }),
    )
    await put('alpha/CHANGELOG.md', 'changes')
    await put('alpha/docs.md', 'docs')
    await put('unlicensed/package.json', '{}')
    await put('unlicensed/README.md', 'x')
    await put('undocumented/package.json', licensed('MIT'))
    await put('broken/package.json', '{"license":')
    await put('broken/README.md', 'x')
    await put('null/package.json', 'null')
    await put('huge/package.json', licensed('MIT'))
    await put('huge/README.md', new Uint8Array(1024 * 1024 + 1))
    await put('folder/package.json', licensed('MIT'))
    await put('folder/README.md/inner.txt', 'a folder by the name of a file')
    await put('.bin/tool', '')
    await put('.store/linked/package.json', licensed('MIT'))
    await put('.store/linked/README.md', '# linked')
    await put('leaking/package.json', licensed('MIT'))
    await writeFile(join(home, 'secret.md'), 'a file outside of the folder')
    await symlink(join(home, 'secret.md'), join(folder, 'leaking', 'README.md'))
    await symlink(home, join(folder, 'outside'))
    await symlink('ring', join(folder, 'ring'))
    await symlink('gone', join(folder, 'dangling'))
    await symlink(join('.store', 'linked'), join(folder, 'linked'))
    await writeFile(join(folder, '@file'), 'no scope')
  })

  after(() => rm(home, { recursive: true }))

  it('yields each documented and licensed package once, by name', async () => {
    const found = (await all()).map(({ name, licence, content }) => [
      name,
      licence,
      new TextDecoder().decode(content),
    ])
    assert.deepEqual(found, [
      ['@scope-two/gamma', 'MIT', '# gamma'],
      ['@scope/beta', 'ISC', '# beta'],
      ['alpha', 'MIT OR ISC', 'docs'],
      ['linked', 'MIT', '# linked'],
      ['zeta', 'MIT', '# zeta'],
    ])
  })

  it('asks for the account of each package', async () => {
    for (const { name, contributor } of await all()) assert.equal(contributor, accountOf(name))
  })

  it('stops when told to', async () => {
    await assert.rejects(all(AbortSignal.abort()), { name: 'AbortError' })
  })

  it('refuses a folder that is not there, or is a file', async () => {
    for (const path of [join(home, 'gone'), join(home, 'secret.md')]) {
      const first = packageTexts(path, accountOf).next()
      await assert.rejects(
        first,
        (error) => error instanceof DatanetError && error.code === 'bad-folder',
      )
    }
  })
})
