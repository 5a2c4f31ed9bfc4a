import assert from 'node:assert/strict'
import os from 'node:os'
import { FsBlockstore } from 'blockstore-fs'
import { after, before, describe, it } from 'mocha'
import { startPeer } from '../../../worker/network/peer.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { keyNumber } from '../../harness/messages.ts'

const LOOPBACK: os.NetworkInterfaceInfo = {
  address: '127.0.0.1',
  netmask: '255.0.0.0',
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal: true,
  cidr: '127.0.0.1/8',
}
const PUBLIC = { ...LOOPBACK, address: '45.77.1.1', internal: false, cidr: '45.77.1.1/32' }

describe('a node that listens on all addresses of its machine', () => {
  const { networkInterfaces } = os

  before(() => {
    os.networkInterfaces = () => ({ lo: [LOOPBACK], eth0: [PUBLIC] })
  })

  after(() => {
    os.networkInterfaces = networkInterfaces
  })

  it('tells others the public one', async () => {
    assert.deepEqual(await hostsTold([]), ['127.0.0.1', '45.77.1.1'])
  })

  it('tells others besides where a router forwards its port', async () => {
    const announce = ['/ip4/46.4.1.1/tcp/4801', '/dns4/node.example/tcp/4801']
    const told = await hostsTold(announce)
    assert.deepEqual(told, ['127.0.0.1', '45.77.1.1', '46.4.1.1', 'node.example'])
  })

  it('says what to do where it was to listen on the address of a router', async () => {
    const listening = hostsTold([], ['/ip4/45.77.1.1/tcp/4801'])
    await assert.rejects(listening, /45\.77\.1\.1.*no address of this machine.*--announce/)
  })
})

async function hostsTold(
  announce: readonly string[],
  listen = ['/ip4/0.0.0.0/tcp/0'],
): Promise<(string | undefined)[]> {
  const folder = testFolder('own-addresses')
  const peer = await startPeer({
    privateKey: keyNumber(1).privateKey,
    folder,
    blocks: new FsBlockstore(folder),
    listen,
    announce,
    bootstrap: [],
    topics: [],
  })
  try {
    return peer.libp2p.getMultiaddrs().map((address) => address.toString().split('/')[2])
  } finally {
    await peer.stop()
    removeFolder(folder)
  }
}
