import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { ConfigError, loadConfig } from '../../../worker/config/load.ts'

const NEEDED = { rpc: 'http://127.0.0.1:8545', deployment: 'deployment.json' }

describe('the options of availability', () => {
  it('keep batch data in IPFS where nobody asks for more', () => {
    const { availability, eigendaProxy } = loadConfig({ flags: NEEDED, environment: {} })
    assert.deepEqual({ availability, eigendaProxy }, { availability: 'ipfs', eigendaProxy: '' })
  })

  it('come by flag and by environment', () => {
    const config = loadConfig({
      flags: { ...NEEDED, availability: 'eigenda' },
      environment: { TRIBUTARY_EIGENDA_PROXY: 'http://127.0.0.1:3100' },
    })
    assert.equal(config.availability, 'eigenda')
    assert.equal(config.eigendaProxy, 'http://127.0.0.1:3100')
  })

  it('are refused by name where they can’t be', () => {
    const load = (flags: Record<string, string>): unknown =>
      loadConfig({ flags: { ...NEEDED, ...flags }, environment: {} })
    for (const proxy of ['127.0.0.1:3100', 'ftp://127.0.0.1', 'file:///etc/passwd']) {
      assert.throws(() => load({ eigendaProxy: proxy }), about('--eigenda-proxy'))
    }
    assert.throws(() => load({ availability: 'floppy' }), about('--availability'))
  })
})

function about(flag: string): (error: unknown) => boolean {
  return (error) => error instanceof ConfigError && error.message.startsWith(flag)
}
