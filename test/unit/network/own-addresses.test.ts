import assert from 'node:assert/strict'
import os from 'node:os'
import { FsBlockstore } from 'blockstore-fs'
import { describe, it } from 'mocha'
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
  it('tells others the public one', async () => {
    const { networkInterfaces } = os
    os.networkInterfaces = () => ({ lo: [LOOPBACK], eth0: [PUBLIC] })
    const folder = testFolder('own-addresses')
    const peer = await startPeer({
      privateKey: keyNumber(1).privateKey,
      folder,
      blocks: new FsBlockstore(folder),
      listen: ['/ip4/0.0.0.0/tcp/0'],
      bootstrap: [],
      topics: [],
    })
    try {
      const hosts = peer.libp2p.getMultiaddrs().map((address) => address.toString().split('/')[2])
      assert.deepEqual(hosts, ['127.0.0.1', '45.77.1.1'])
    } finally {
      os.networkInterfaces = networkInterfaces
      await peer.stop()
      removeFolder(folder)
    }
  })
})
