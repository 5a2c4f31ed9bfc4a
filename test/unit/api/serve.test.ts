import { equal, rejects } from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'mocha'
import { serveApi } from '../../../worker/api/serve.ts'
import type { Service } from '../../../worker/service.ts'

describe('the HTTP interface', () => {
  it('says where it is reached, also over IPv6', async function () {
    const addresses = Object.values(networkInterfaces()).flatMap((held) => held ?? [])
    const hosts = ['127.0.0.1', '::1'].filter((host) =>
      addresses.some((one) => one.address === host),
    )
    if (hosts.length < 2) this.skip()
    for (const apiHost of hosts) {
      const service = { config: { apiHost, apiPort: 0 } } as unknown as Service
      await using listening = await serveApi(service)
      equal((await fetch(`${listening.url}/v1/nothing`)).status, 404)
    }
  })

  it('says why it cannot listen, and what to do', async () => {
    // An address for documentation: no machine has it.
    const service = { config: { apiHost: '192.0.2.1', apiPort: 0 } } as unknown as Service
    await rejects(serveApi(service), /EADDRNOTAVAIL.*address of this machine with --api-host/)
  })
})
