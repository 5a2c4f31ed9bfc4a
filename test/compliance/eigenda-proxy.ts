/**
 * What an EigenDA proxy must do for us, asked over HTTP alone. Ours for tests answers it, and so does a real one:
 * start eigenda-proxy (with `--memstore.enabled`, or with a network), name it in TRIBUTARY_TEST_EIGENDA_PROXY, such as
 * http://127.0.0.1:3100, and run `npx mocha test/integration/availability.test.ts`.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'mocha'
import { toHex } from '../../protocol/hash.ts'
import { type CommitmentMode, modeOf } from '../../worker/availability/eigenda.ts'

const QUERIES: readonly (readonly [CommitmentMode, string])[] = [
  ['op-generic', ''],
  ['standard', '?commitment_mode=standard'],
]

export function proxyCompliance(url: () => string): void {
  const put = async (payload: Uint8Array, query: string): Promise<Response> =>
    await fetch(`${url()}/put${query}`, { method: 'POST', body: Uint8Array.from(payload) })
  const bytesOf = async (response: Response): Promise<Buffer> =>
    Buffer.from(await response.arrayBuffer())

  it('says that it is up', async () => {
    assert.equal((await fetch(`${url()}/health`)).status, 200)
  })

  for (const [mode, query] of QUERIES) {
    it(`gives a ${mode} commitment for a payload, and the payload for it`, async () => {
      const payload = randomBytes(10_000)
      const written = await put(payload, query)
      assert.equal(written.status, 200)
      const commitment = await bytesOf(written)
      // Raw bytes, whatever the OP Stack's specification says of hexadecimal.
      assert.equal(modeOf(commitment), mode)
      const read = await fetch(`${url()}/get/${toHex(commitment)}${query}`)
      assert.equal(read.status, 200)
      assert.ok(payload.equals(await bytesOf(read)))
    })

    it(`refuses a ${mode} commitment that it did not give`, async () => {
      const commitment = await bytesOf(await put(randomBytes(100), query))
      commitment[commitment.length - 1]! ^= 1
      const { status } = await fetch(`${url()}/get/${toHex(commitment)}${query}`)
      assert.ok([400, 404, 418, 500].includes(status), `${status}`)
    })
  }

  it('refuses a commitment of a type that there is not', async () => {
    assert.equal((await fetch(`${url()}/get/0x02`)).status, 400)
  })

  it('refuses a payload larger than a blob', async () => {
    assert.equal((await put(new Uint8Array(17 * 1024 * 1024), '')).status, 400)
  })
}
