import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type EigenDaOptions, eigenDaAvailability } from '../../../worker/availability/eigenda.ts'
import { AvailabilityError } from '../../../worker/availability/errors.ts'
import { failing, soon } from '../../compliance/availability.ts'
import { TestProxy } from '../../harness/eigenda-proxy.ts'

const PAYLOAD = randomBytes(64)
const AT_ONCE = { 'retry-after': '0' }

describe('an EigenDA proxy that does not do as it should', () => {
  let proxy: TestProxy

  beforeEach(async () => {
    proxy = await TestProxy.start()
  })

  afterEach(async () => await proxy.stop())

  const layer = (options: Partial<EigenDaOptions> = {}) =>
    eigenDaAvailability({ url: proxy.url, ...options })

  it('is asked again, after the wait it asks for, while it is busy', async () => {
    proxy.fail({ status: 429, headers: AT_ONCE }, { status: 429, headers: AT_ONCE })
    await layer().put(PAYLOAD, soon())
    assert.equal(proxy.requests.length, 3)
  })

  it('is left alone after a few tries', async () => {
    const longAgo = { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }
    proxy.fail(...Array.from({ length: 9 }, () => ({ status: 429, headers: longAgo })))
    await assert.rejects(layer({ tries: 3 }).put(PAYLOAD, soon()), failing('busy'))
    assert.equal(proxy.requests.length, 3)
  })

  it('is not waited for when the caller stops', async () => {
    proxy.fail({ status: 429, headers: { 'retry-after': '999999999' } })
    const controller = new AbortController()
    const put = layer().put(PAYLOAD, controller.signal)
    while (proxy.requests.length === 0) await new Promise((wake) => setTimeout(wake, 5))
    controller.abort(new Error('stopped'))
    await assert.rejects(put)
  })

  it('may say that a certificate is invalid, and why: the batch is dropped', async () => {
    const reference = await layer().put(PAYLOAD, soon())
    const asked = async (body: string): Promise<AvailabilityError> => {
      proxy.fail({ status: 418, body })
      const refused = await layer()
        .get(reference, soon())
        .catch((error: unknown) => error)
      assert.ok(refused instanceof AvailabilityError)
      assert.equal(refused.code, 'dropped')
      return refused
    }
    assert.equal((await asked('{"StatusCode":3,"Msg":"invalid"}')).statusCode, 3)
    assert.equal((await asked('no JSON')).statusCode, undefined)
    assert.equal((await asked('{"StatusCode":"3"}')).statusCode, undefined)
    assert.equal((await asked('x'.repeat(1_000_000))).statusCode, undefined)
  })

  it('is told apart by what it answers', async () => {
    const reference = await layer().put(PAYLOAD, soon())
    for (const [status, code] of [
      [400, 'refused'],
      [404, 'missing'],
      [500, 'refused'],
      [503, 'unavailable'],
      [204, 'refused'],
    ] as const) {
      proxy.fail({ status })
      await assert.rejects(layer().get(reference, soon()), failing(code), `${status}`)
    }
  })

  it('cannot move a terminal by its words', async () => {
    proxy.fail({ status: 500, body: '\u001b[2Jgone\nnext line' })
    await assert.rejects(layer().put(PAYLOAD, soon()), (error) => {
      assert.ok(error instanceof AvailabilityError)
      assert.match(error.message, /\[2Jgone next line$/)
      return true
    })
  })

  it('gives no commitment that is none', async () => {
    const hex = (digits: string): Uint8Array => Buffer.from(digits, 'hex')
    const wrong = [hex(''), hex('01'), hex('010002'), hex('000002f8'), hex('02f800'), 'garbage']
    for (const body of wrong) {
      proxy.fail({ status: 200, body })
      await assert.rejects(layer().put(PAYLOAD, soon()), failing('malformed'))
    }
    const opGeneric = hex('010002f800')
    proxy.fail({ status: 200, body: opGeneric })
    await assert.rejects(layer({ mode: 'standard' }).put(PAYLOAD, soon()), failing('malformed'))
    proxy.fail({ status: 200, body: Buffer.concat([opGeneric, Buffer.alloc(2039)]) })
    await assert.rejects(layer().put(PAYLOAD, soon()), failing('too-long'))
    proxy.fail({ status: 200, body: Buffer.concat([opGeneric, Buffer.alloc(2038)]) })
    assert.equal((await layer().put(PAYLOAD, soon())).length, 4096)
  })

  it('cannot fill the memory', async () => {
    const reference = await layer().put(PAYLOAD, soon())
    proxy.fail({ endless: true }, { endless: true })
    await assert.rejects(layer().get(reference, soon()), failing('malformed'))
    await assert.rejects(layer().put(PAYLOAD, soon()), failing('malformed'))
  })

  it('cannot keep a caller waiting', async () => {
    proxy.fail({ silent: true })
    const put = layer({ putTimeoutMs: 50 }).put(PAYLOAD, soon())
    await assert.rejects(put, failing('unreachable'))
  })

  it('cannot send elsewhere', async () => {
    proxy.fail({ status: 302, headers: { location: 'http://127.0.0.1:1/put' } })
    const put = layer().put(PAYLOAD, soon())
    await assert.rejects(put, { code: 'unreachable', message: /unexpected redirect/ })
  })
})
