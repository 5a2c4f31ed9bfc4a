import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'mocha'
import { pino } from 'pino'
import { blockOf } from '../../protocol/document.ts'
import type { Availability } from '../../worker/availability/availability.ts'
import { configuredAvailability } from '../../worker/availability/configured.ts'
import { eigenDaAvailability } from '../../worker/availability/eigenda.ts'
import { failoverAvailability } from '../../worker/availability/failover.ts'
import { ipfsAvailability } from '../../worker/availability/ipfs.ts'
import { availabilityCompliance, failing, soon } from '../compliance/availability.ts'
import { proxyCompliance } from '../compliance/eigenda-proxy.ts'
import { TestProxy } from '../harness/eigenda-proxy.ts'
import { MemoryContent } from '../harness/memory-content.ts'

const SILENT = pino({ level: 'silent' })
const NO_CONTENT = blockOf(Buffer.from('nobody has this')).cid
const NO_COMMITMENT = `eigenda/0x010002f820${'00'.repeat(32)}`

describe('availability', () => {
  let proxy: TestProxy
  let content: MemoryContent

  before(async () => {
    proxy = await TestProxy.start()
    content = new MemoryContent()
  })

  after(async () => await proxy.stop())

  const ipfs = (): Availability => ipfsAvailability(content)
  const eigenda = (): Availability => eigenDaAvailability({ url: proxy.url })
  const both = (told: string[] = []): Availability =>
    failoverAvailability({
      first: eigenda(),
      ipfs: ipfs(),
      onFailover: ({ code }) => told.push(code),
    })

  describe('in IPFS', () => {
    availabilityCompliance(() => ({ writer: ipfs(), reader: ipfs(), unknown: NO_CONTENT }))
  })

  describe('in EigenDA', () => {
    availabilityCompliance(() => ({ writer: eigenda(), reader: eigenda(), unknown: NO_COMMITMENT }))
  })

  describe('in EigenDA, encoded as for rollups of other stacks', () => {
    availabilityCompliance(() => ({
      writer: eigenDaAvailability({ url: `${proxy.url}/`, mode: 'standard' }),
      reader: eigenda(),
      unknown: `eigenda/0x02f820${'00'.repeat(32)}`,
    }))
  })

  describe('in EigenDA with IPFS behind it', () => {
    availabilityCompliance(() => ({ writer: both(), reader: both(), unknown: NO_CONTENT }))

    for (const [code, fault] of [
      ['unavailable', { status: 503, body: 'disperser is down' }],
      ['too-long', { body: Buffer.concat([Buffer.from('010002f8', 'hex'), Buffer.alloc(2040)]) }],
    ] as const) {
      it(`goes to IPFS and tells why: ${code}`, async () => {
        const told: string[] = []
        proxy.fail(fault)
        const bytes = randomBytes(100)
        const reference = await both(told).put(bytes, soon())
        assert.equal(reference, blockOf(bytes).cid)
        assert.deepEqual(told, [code])
        assert.ok(bytes.equals(await both().get(reference, soon())))
      })
    }

    it('goes to IPFS where there is no proxy', async () => {
      const gone = await TestProxy.start()
      const { url } = gone
      await gone.stop()
      const told: string[] = []
      const first = eigenDaAvailability({ url })
      const onFailover = ({ code }: { code: string }): number => told.push(code)
      const layer = failoverAvailability({ first, ipfs: ipfs(), onFailover })
      assert.match(await layer.put(randomBytes(9), soon()), /^bafyrei/)
      assert.deepEqual(told, ['unreachable'])
    })

    it('does not go around a proxy that answers nonsense', async () => {
      proxy.fail({ body: 'welcome' })
      await assert.rejects(both().put(randomBytes(9), soon()), failing('malformed'))
    })
  })

  describe('as configured', () => {
    const configured = (availability: 'ipfs' | 'eigenda', eigendaProxy: string): Availability =>
      configuredAvailability({ availability, eigendaProxy }, content, SILENT)

    it('writes to the layer chosen, and reads from both', async () => {
      const bytes = randomBytes(100)
      const [toIpfs, toEigenDa] = [configured('ipfs', proxy.url), configured('eigenda', proxy.url)]
      const references = [await toIpfs.put(bytes, soon()), await toEigenDa.put(bytes, soon())]
      assert.deepEqual(
        references.map((reference) => reference.slice(0, 7)),
        ['bafyrei', 'eigenda'],
      )
      for (const layer of [toIpfs, toEigenDa]) {
        for (const reference of references) {
          assert.ok(bytes.equals(await layer.get(reference, soon())))
        }
      }
    })

    it('says which option is missing', async () => {
      assert.throws(() => configured('eigenda', ''), /--eigenda-proxy/)
      const get = configured('ipfs', '').get(NO_COMMITMENT, soon())
      await assert.rejects(get, failing('unavailable'))
    })
  })

  describe('the proxy of these tests', () => proxyCompliance(() => proxy.url))

  const real = process.env['TRIBUTARY_TEST_EIGENDA_PROXY']
  if (real) describe(`the proxy at ${real}`, () => proxyCompliance(() => real))
})
