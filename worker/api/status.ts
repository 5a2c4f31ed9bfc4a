/** How this node is doing, in its own eyes and in those of the chain. */
import { Hono } from 'hono'
import { lastBatch } from '../../coordinator-free/ledger.ts'
import type { Service } from '../service.ts'

export function statusRoutes(service: Service): Hono {
  const { runtime, peer, config, key, gossip, purse } = service
  return new Hono().get('/status', (c) => {
    const { ledger } = runtime.core
    const member = ledger.members.get(key.address)
    const memory = process.memoryUsage()
    const { view } = purse
    return c.json({
      node: key.address,
      owner: service.owner.address,
      peerId: peer.libp2p.peerId.toString(),
      addresses: peer.libp2p.getMultiaddrs().map(String),
      roles: config.roles,
      beacon: config.beacon,
      staked: member ? { roles: member.roles, stakeWei: `${member.stakeWei}` } : null,
      purse: view
        ? { balanceWei: `${view.balanceWei}`, posts: view.posts?.toString() ?? null }
        : null,
      peers: peer.libp2p.getPeers().length,
      subscribers: gossip.subscribers().length,
      head: ledger.head?.number ?? null,
      members: {
        workers: ledger.members.withRole('worker').length,
        validators: ledger.members.withRole('validator').length,
      },
      openJobs: ledger.jobs.size,
      lastBatch: lastBatch(ledger),
      judged: Object.fromEntries(runtime.judged),
      rssBytes: memory.rss,
      storeBytes: service.shelf.passingBytes,
      uptimeSeconds: Math.round(process.uptime()),
    })
  })
}
