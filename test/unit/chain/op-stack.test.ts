import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { loadBridge, openChain, parseBridge, sourceChain } from '../../../worker/chain/op-stack.ts'

const PORTAL = `0x${'Ab'.repeat(20)}`
const FACTORY = `0x${'cd'.repeat(20)}`

const GOOD = {
  l1: { rpc: 'https://l1.example', chainId: 1 },
  l2: { rpc: ['wss://l2.example', 'https://l2.example'], chainId: 1612 },
  contracts: { portal: PORTAL, disputeGameFactory: FACTORY },
}

describe('a bridge file', () => {
  it('describes an OP Stack chain whose coin is OPEN', () => {
    const file = parse(GOOD)
    const chain = openChain(file)
    deepEqual(chain.nativeCurrency, { name: 'Open', symbol: 'OPEN', decimals: 18 })
    deepEqual([chain.id, chain.sourceId, sourceChain(file).id], [1612, 1, 1])
    equal(chain.contracts.portal[1]?.address, PORTAL.toLowerCase())
    equal(chain.contracts.disputeGameFactory[1]?.address, FACTORY)
    equal(chain.contracts.l1Block.address, '0x4200000000000000000000000000000000000015')
    deepEqual(chain.rpcUrls.default.http, ['wss://l2.example', 'https://l2.example'])
    equal(typeof chain.serializers.transaction, 'function')
  })

  it('is refused by the name of the field', () => {
    refused({ ...GOOD, l1: { ...GOOD.l1, chainId: '1' } }, /l1\.chainId: .*number/)
    refused(
      { ...GOOD, l2: { ...GOOD.l2, rpc: 'l2.example' } },
      /l2\.rpc: must be an address that begins with ws/,
    )
    refused({ ...GOOD, l2: { ...GOOD.l2, rpc: [] } }, /l2\.rpc: /)
    refused(
      { ...GOOD, contracts: { ...GOOD.contracts, portal: '0x12' } },
      /contracts\.portal: must be/,
    )
    refused({ ...GOOD, contracts: { portal: PORTAL } }, /contracts\.disputeGameFactory: /)
    refused({ ...GOOD, l3: {} }, /l3/)
  })

  it('names two chains, not one', () => {
    refused({ ...GOOD, l2: { ...GOOD.l2, chainId: 1 } }, /l2\.chainId: must differ from that of L1/)
  })

  it('is JSON, and there', async () => {
    throws(() => parseBridge('{', 'bridge.json'), {
      code: 'bad-bridge',
      message: /^bridge\.json describes/,
    })
    await rejects(loadBridge('no/such/bridge.json'), { code: 'bad-bridge', message: /--bridge/ })
  })
})

function parse(value: unknown) {
  return parseBridge(JSON.stringify(value), 'bridge.json')
}

function refused(value: unknown, message: RegExp): void {
  throws(() => parse(value), { name: 'ChainError', code: 'bad-bridge', message })
}
