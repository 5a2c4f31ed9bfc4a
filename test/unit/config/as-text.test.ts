import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { loadConfig } from '../../../worker/config/load.ts'
import { Config, OPTION_NAMES, variableOf } from '../../../worker/config/schema.ts'

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
})
