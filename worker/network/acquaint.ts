/**
 * Looks for peers until the network is known: often at first, when everyone has just started and knows one address, then
 * ever more rarely. What Kademlia finds is dialled, so that the mesh has somebody to choose from. Two looks of three are for
 * a place that nobody can foresee: around this node's own id, and around false addresses, others may have gathered.
 */
import { randomBytes } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Logger } from '../telemetry/logger.ts'
import { readAddresses, writeAddresses } from './address-book.ts'
import type { Peer } from './peer.ts'

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 5 * 60_000
/** A node that has just come goes on looking: whoever was too busy to answer may answer now. */
const NEW_MS = 2 * 60_000
const LONGEST_WAIT_OF_NEW_MS = 4000
/** Who has nobody looks this often, for days if need be. */
const LONGEST_WAIT_ALONE_MS = 30_000
const LOOK_MS = 10_000
/** In vain, one after the other, until the operator is told. */
const LOOKS_ALONE = 2
/** Peers found elsewhere that stay when there are more connections than may be: a third of these. */
const MAX_KEPT = 100
/** More than kad-dht's mark on whoever it knows, which is 1, and less than that on those nearest, which is 50. */
const KEPT = { name: 'tributary-acquainted', value: 20 } as const
/** Kademlia hashes what is looked for, so any bytes are a place. */
const PLACE_BYTES = 32
/** Neighbours enough for a mesh and for finding content; more come by themselves. */
const ENOUGH_PEERS = 24

/**
 * @param folder where the addresses of those met are kept
 * @param bootstrap addresses to begin with
 * @returns what ends it
 */
export function keepAcquainted(
  peer: Peer,
  folder: string,
  bootstrap: readonly string[],
  log: Logger,
): () => void {
  const stop = new AbortController()
  const sinceMs = performance.now()
  const kept: PeerId[] = []
  let looks = 0
  let looksAlone = 0
  let timer: NodeJS.Timeout | undefined
  const again = (waitMs: number): void => {
    timer = setTimeout(() => void look(waitMs), waitMs)
    timer.unref()
  }
  const look = async (waitMs: number): Promise<void> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS)])
    try {
      if (isAlone(peer)) await dialKnown(peer, [...bootstrap, ...readAddresses(folder)], signal)
      if (looks++ % 3 === 0) await lookNear(peer, signal)
      else await lookElsewhere(peer, kept, signal)
    } catch {
      // Nobody to ask yet, or nobody who answers: the next look is on its way.
    }
    if (stop.signal.aborted) return
    await writeAddresses(folder, peer).catch((error: unknown) => {
      // Without the book the next start needs a bootstrap address: no reason to end this life.
      log.warn({ error: (error as Error).message }, 'addresses of peers not written down')
    })
    looksAlone = isAlone(peer) ? looksAlone + 1 : 0
    if (looksAlone === LOOKS_ALONE) {
      log.warn(
        { bootstrap },
        'no other node is reached; the line may be down, or --bootstrap wrong',
      )
    }
    const isNew = performance.now() - sinceMs < NEW_MS
    const longestMs = isAlone(peer) ? LONGEST_WAIT_ALONE_MS : LONGEST_WAIT_MS
    again(Math.min(2 * waitMs, isNew ? LONGEST_WAIT_OF_NEW_MS : longestMs))
  }
  again(FIRST_WAIT_MS)
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}

/**
 * libp2p dials those once, at the start: they may have come later, or this node may have been cut off from all. Over when one
 * has answered: some have gone for good, and whoever waits for them all looks for nobody meanwhile.
 */
async function dialKnown(
  { libp2p }: Peer,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const dials = addresses.map((one) => libp2p.dial(multiaddr(one), { signal }))
  await Promise.any(dials).catch(() => undefined)
}

function isAlone({ libp2p }: Peer): boolean {
  return libp2p.getPeers().length === 0
}

export async function lookNear(peer: Peer, signal: AbortSignal): Promise<void> {
  const { libp2p } = peer
  const self = libp2p.peerId.toMultihash().bytes
  const dials: Promise<void>[] = []
  for await (const { id } of libp2p.peerRouting.getClosestPeers(self, { signal })) {
    if (libp2p.getPeers().length >= ENOUGH_PEERS) break
    dials.push(dial(peer, id, signal))
  }
  await Promise.all(dials)
}

/**
 * Those nearest to such a place stay, also when others press in: libp2p closes the newest connections first, so that whoever
 * names many of its like early could keep everybody else out. Of false peers there are as many here as among all peers.
 */
export async function lookElsewhere(
  peer: Peer,
  kept: PeerId[],
  signal: AbortSignal,
): Promise<void> {
  const { libp2p } = peer
  const place = randomBytes(PLACE_BYTES)
  const dials: Promise<void>[] = []
  for await (const { id } of libp2p.peerRouting.getClosestPeers(place, { signal })) {
    const known = kept.findIndex((other) => other.equals(id))
    if (known >= 0) kept.splice(known, 1)
    kept.push(id)
    await libp2p.peerStore.merge(id, { tags: { [KEPT.name]: { value: KEPT.value } } })
    dials.push(dial(peer, id, signal))
  }
  await Promise.all(dials)
  for (const id of kept.splice(0, Math.max(0, kept.length - MAX_KEPT))) {
    await libp2p.peerStore.merge(id, { tags: { [KEPT.name]: undefined } })
  }
}

/** Not waited for one by one: who accepts a connection and says nothing would keep all behind it waiting. */
async function dial({ libp2p }: Peer, id: PeerId, signal: AbortSignal): Promise<void> {
  if (libp2p.getConnections(id).length > 0 || id.equals(libp2p.peerId)) return
  await libp2p.dial(id, { signal }).catch(() => undefined)
}
