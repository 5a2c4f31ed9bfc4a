import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { ConfigError, loadConfig } from '../../../worker/config/load.ts'

const NEEDED = { rpc: 'http://127.0.0.1:8545', deployment: 'deployment.json' }

describe('the options of the beacon', () => {
  const load = (flags: Record<string, unknown>, environment: Record<string, string> = {}) =>
    loadConfig({ flags: { ...NEEDED, ...flags }, environment })

  it('go by the chain where nobody asks for more, and know relays of drand', () => {
    const { beacon, drandRelays } = load({})
    assert.equal(beacon, 'chain')
    assert.ok(drandRelays.length > 1 && drandRelays.every((url) => url.startsWith('https://')))
  })

  it('come by flag and by environment, several relays separated by commas', () => {
    const environment = { TRIBUTARY_DRAND_RELAYS: 'http://127.0.0.1:1,https://relay.example/drand' }
    const { beacon, drandRelays } = load({ beacon: 'drand' }, environment)
    assert.equal(beacon, 'drand')
    assert.deepEqual(drandRelays, ['http://127.0.0.1:1', 'https://relay.example/drand'])
  })

  it('are refused by name where they can’t be', () => {
    assert.throws(() => load({ beacon: 'moon' }), about('--beacon'))
    for (const relay of ['', 'api.drand.sh', 'ftp://api.drand.sh', 'https://a.example,nowhere']) {
      assert.throws(() => load({ drandRelays: relay }), about('--drand-relays'))
    }
  })
})

function about(flag: string): (error: unknown) => boolean {
  return (error) => error instanceof ConfigError && error.message.startsWith(flag)
}
