/**
 * Who listens to a topic that few listen to finds the others: each says in Kademlia, under the topic's name, that it is one,
 * and dials those who say so. Anybody may say so; whoever listens is seen by the mesh itself.
 */
import type { PeerId } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Peer } from './peer.ts'

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 10 * 60_000
const LOOK_MS = 20_000
/** A mesh holds six to twelve. */
const ENOUGH_FELLOWS = 12
/** Of those who say that they listen, whoever they are, so many are tried in one look. */
const MAX_TRIED = 24

/**
 * @param fellows neighbours that listen
 * @returns what ends it
 */
export function keepFellows(peer: Peer, topic: string, fellows: () => PeerId[]): () => void {
  const { libp2p } = peer
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const again = (waitMs: number): void => {
    timer = setTimeout(() => void look(waitMs), waitMs)
    timer.unref()
  }
  const dialOthers = async (cid: CID, signal: AbortSignal): Promise<void> => {
    let tried = 0
    for await (const { id } of libp2p.contentRouting.findProviders(cid, { signal })) {
      if (fellows().length >= ENOUGH_FELLOWS || tried === MAX_TRIED) break
      if (id.equals(libp2p.peerId) || libp2p.getConnections(id).length > 0) continue
      tried += 1
      await libp2p.dial(id, { signal }).catch(() => undefined)
    }
  }
  const look = async (waitMs: number): Promise<void> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS)])
    try {
      const cid = await meetingPlace(topic)
      await libp2p.contentRouting.provide(cid, { signal })
      if (fellows().length < ENOUGH_FELLOWS) await dialOthers(cid, signal)
    } catch {
      // Nobody to ask yet, or nobody who answers: the next look is on its way.
    }
    if (!stop.signal.aborted) again(Math.min(2 * waitMs, LONGEST_WAIT_MS))
  }
  again(FIRST_WAIT_MS)
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}

/** Where listeners of a topic are found: the id of a block that nobody has, which would be the topic's name. */
export async function meetingPlace(topic: string): Promise<CID> {
  return CID.createV1(raw.code, await sha256.digest(new TextEncoder().encode(topic)))
}
