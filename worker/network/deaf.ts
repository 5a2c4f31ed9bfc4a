/**
 * Hangs up on neighbours that can be told nothing: who does not read, so that its stream was ended, or who was once said too
 * much at a time. gossipsub opens one stream a connection and never another, so both would hear nothing of each other for as
 * long as they are connected.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'

const GOSSIP = '/meshsub/'
/** A connection is so old before its stream is looked for, and it is missing at two looks. */
const LOOK_MS = 10_000

/** @returns what ends it */
export function hangUpOnDeaf(libp2p: Libp2p, lookMs: number = LOOK_MS): () => void {
  let seen = new Set<Connection>()
  const look = async (): Promise<void> => {
    const found = new Set<Connection>()
    for (const connection of libp2p.getConnections()) {
      const { remotePeer } = connection
      if (isTold(libp2p, remotePeer) || !(await gossips(libp2p, remotePeer))) continue
      if (seen.has(connection)) connection.abort(new Error('it can be told nothing'))
      else found.add(connection)
    }
    seen = found
  }
  const timer = setInterval(() => void look(), lookMs)
  timer.unref()
  return () => clearInterval(timer)
}

function isTold(libp2p: Libp2p, peer: PeerId): boolean {
  const streams = libp2p.getConnections(peer).flatMap((connection) => connection.streams)
  return streams.some(
    ({ direction, protocol }) => direction === 'outbound' && protocol.startsWith(GOSSIP),
  )
}

async function gossips({ peerStore }: Libp2p, peer: PeerId): Promise<boolean> {
  const known = await peerStore.get(peer).catch(() => undefined)
  return known?.protocols.some((protocol) => protocol.startsWith(GOSSIP)) ?? false
}
