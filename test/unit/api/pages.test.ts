import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'mocha'
import { createApp } from '../../../worker/api/app.ts'
import type { Service } from '../../../worker/service.ts'

describe('requests from pages in a browser', () => {
  const HERE = 'http://127.0.0.1:8787'
  const ordered: string[] = []
  const orders = {
    fineTune: async () => {
      ordered.push('fine-tune')
      return `0x${'1'.repeat(64)}`
    },
  }
  const gateway = { orders, models: [{ cid: 'bafy', name: 'brook-4m' }] }
  const runtime = { core: { ledger: { models: new Map() } } }
  const appAt = (apiHost: string) =>
    createApp({ config: { apiHost }, runtime, gateway } as unknown as Service)
  const datanet = 'bafyreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yea'
  /** As a form sends it: without a question beforehand. */
  const order = (headers: Record<string, string>, url = HERE, apiHost = '127.0.0.1') =>
    appAt(apiHost).request(`${url}/v1/fine-tunes`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', ...headers },
      body: JSON.stringify({ datanet }),
    })

  it('order nothing where the page is another site’s', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:3000' },
      { origin: HERE, 'sec-fetch-site': 'cross-site' },
      { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
    ]) {
      equal((await order(headers)).status, 403, JSON.stringify(headers))
    }
    deepEqual(ordered, [])
  })

  it('order what programs, and pages of the same site, order', async () => {
    equal((await order({})).status, 202)
    equal((await order({ origin: HERE })).status, 202)
    // Behind a proxy that names itself to us.
    const proxied = { origin: 'https://gateway.example', 'sec-fetch-site': 'same-origin' }
    equal((await order(proxied)).status, 202)
  })

  it('read nothing by a name that somebody has led to this machine', async () => {
    const read = (url: string, apiHost: string) => appAt(apiHost).request(`${url}/v1/models`)
    const refused = await read('http://evil.example:8787', '127.0.0.1')
    equal(refused.status, 403)
    equal((await read('http://127.evil.example:8787', '::1')).status, 403)
    match(await refused.text(), /evil\.example.*--api-host/)
    equal(
      (await order({ origin: 'http://evil.example:8787' }, 'http://evil.example:8787')).status,
      403,
    )
    for (const url of [
      HERE,
      'http://localhost:8787',
      'http://[::1]:8787',
      'http://192.168.0.7:8787',
    ]) {
      equal((await read(url, 'localhost')).status, 200, url)
    }
    // Who listens for others is reached by a name.
    equal((await read('http://gateway.example:8787', '0.0.0.0')).status, 200)
  })
})
