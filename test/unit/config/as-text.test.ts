import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { ConfigError, loadConfig } from '../../../worker/config/load.ts'
import { Config, OPTION_NAMES, variableOf } from '../../../worker/config/schema.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const NEEDED = { rpc: 'http://127.0.0.1:8545', deployment: 'deployment.json' }

describe('options as text', () => {
  it('are taken from flags and from the environment, whatever their form', () => {
    const defaults = Config.parse(NEEDED)
    for (const name of OPTION_NAMES) {
      const text = String(defaults[name])
      const environment = { [variableOf(name)]: text }
      const byFlag = loadConfig({ flags: { ...NEEDED, [name]: text }, environment: {} })
      assert.deepEqual(byFlag, defaults, name)
      assert.deepEqual(loadConfig({ flags: NEEDED, environment }), defaults, name)
    }
  })

  it('may have fractions of a GiB', () => {
    const flags = { ...NEEDED, storeGib: '0.5' }
    assert.equal(loadConfig({ flags, environment: {} }).storeGib, 0.5)
  })

  it('are no number where they are empty', () => {
    for (const apiPort of ['', ' ']) {
      const load = () => loadConfig({ flags: { ...NEEDED, apiPort }, environment: {} })
      assert.throws(load, /--api-port is wrong/)
    }
  })

  it('name bootstrap peers with their ids, without which nobody would be dialled', () => {
    const load = (bootstrap: string) =>
      loadConfig({ flags: { ...NEEDED, bootstrap }, environment: {} }).bootstrap
    const address = '/ip4/45.77.1.7/tcp/4801'
    const whole = `${address}/p2p/16Uiu2HAmM4tN8qHwBEfsrVtHLqM4b9HmqVp9jEXTLpkKFp5DqjAV`
    assert.deepEqual(load(`${whole},${whole}`), [whole, whole])
    assert.throws(() => load(`${whole},${address}`), /--bootstrap is wrong \(an address with its/)
  })

  describe('in a file', () => {
    let folder: string
    let file: string
    const load = (held: unknown) => {
      writeFileSync(file, typeof held === 'string' ? held : JSON.stringify(held))
      return loadConfig({ flags: {}, environment: {}, file })
    }
    const saysOf = (held: unknown): string => {
      let said = ''
      assert.throws(
        () => load(held),
        (error: Error) => {
          said = error.message
          return error instanceof ConfigError
        },
      )
      return said
    }

    before(() => {
      folder = testFolder('config')
      file = join(folder, 'config.json')
    })

    after(() => removeFolder(folder))

    it('are taken as on the command line', () => {
      const { roles, apiPort } = load({ ...NEEDED, roles: 'worker,validator', apiPort: '0' })
      assert.deepEqual(roles, ['worker', 'validator'])
      assert.equal(apiPort, 0)
    })

    it('are told of all at once: which do not exist, are wrong, or are missing', () => {
      const said = saysOf({ rpc: NEEDED.rpc, apiport: 3, threads: 'many' }).split('\n')
      assert.equal(said.length, 3)
      assert.match(said.join('\n'), /config\.json has an option that does not exist: apiport\./)
      assert.match(said.join('\n'), /threads in .*config\.json is wrong \(expected number\)/)
      assert.match(said.join('\n'), /--deployment is needed: file that names the contracts/)
    })

    it('are none where it holds no object', () => {
      assert.match(saysOf('[1]'), /config\.json holds no JSON object, such as/)
      assert.match(saysOf('{"threads": 2,'), /config\.json cannot be read: .*JSON/)
    })
  })
})
