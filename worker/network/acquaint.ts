/**
 * Looks for peers near this one until the network is known: often at first, when everyone has just started and knows one
 * address, then ever more rarely. What Kademlia finds is dialled, so that the mesh has somebody to choose from.
 */
import { writeAddresses } from './address-book.ts'
import type { Peer } from './peer.ts'

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 5 * 60_000
/** A node that has just come goes on looking: whoever was too busy to answer may answer now. */
const NEW_MS = 2 * 60_000
const LONGEST_WAIT_OF_NEW_MS = 4000
const LOOK_MS = 10_000
/** Neighbours enough for a mesh and for finding content; more come by themselves. */
const ENOUGH_PEERS = 24

/**
 * @param folder where the addresses of those met are kept
 * @returns what ends it
 */
export function keepAcquainted(peer: Peer, folder: string): () => void {
  const { libp2p } = peer
  const stop = new AbortController()
  const sinceMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  const again = (waitMs: number): void => {
    timer = setTimeout(() => void look(waitMs), waitMs)
    timer.unref()
  }
  const look = async (waitMs: number): Promise<void> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS)])
    try {
      const self = libp2p.peerId.toMultihash().bytes
      for await (const { id } of libp2p.peerRouting.getClosestPeers(self, { signal })) {
        if (libp2p.getPeers().length >= ENOUGH_PEERS) break
        if (libp2p.getConnections(id).length > 0 || id.equals(libp2p.peerId)) continue
        await libp2p.dial(id, { signal }).catch(() => undefined)
      }
    } catch {
      // Nobody to ask yet, or nobody who answers: the next look is on its way.
    }
    if (stop.signal.aborted) return
    await writeAddresses(folder, peer)
    const isNew = performance.now() - sinceMs < NEW_MS
    again(Math.min(2 * waitMs, isNew ? LONGEST_WAIT_OF_NEW_MS : LONGEST_WAIT_MS))
  }
  again(FIRST_WAIT_MS)
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}
