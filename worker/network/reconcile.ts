/**
 * Two nodes compare what they know: one sends the digests it holds, the other answers with the envelopes it lacks.
 * Lost messages and hours away from the network are made good this way; whatever comes passes admission as usual.
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { fromHex, type Hash, toHex } from '../../protocol/hash.ts'
import { MAX_ENVELOPE_BYTES, MAX_RECONCILED } from '../../protocol/params.ts'
import { NetworkError } from './errors.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = '/tributary/reconcile/1.0.0'
const HASH_BYTES = 32
/** Digests that a node may say it holds: four times the jobs it keeps open. */
const MAX_DIGESTS = 16_384
const TIMEOUT_MS = 10_000
/** A node asks every three seconds at the most; to answer takes up to fifty milliseconds, and hundreds of kilobytes. */
const LEAST_PAUSE_MS = 1000
/** Peers of which it is known when they asked: more than there are connections. */
const MAX_ASKERS = 1024

/** What a neighbour lacks, given what it holds. */
export type Answer = (peer: string, have: readonly Hash[]) => readonly Uint8Array[]

export async function serveReconciliation(peer: Peer, answer: Answer): Promise<void> {
  const askers = new Map<string, number>()
  await peer.libp2p.handle(PROTOCOL, async (stream: Stream, connection: Connection) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    try {
      requirePause(askers, connection.remotePeer)
      const framed = lpStream(stream, { maxDataLength: MAX_DIGESTS * HASH_BYTES })
      const have = digestsFrom((await framed.read({ signal })).subarray())
      for (const envelope of answer(connection.remotePeer.toString(), have)) {
        await framed.write(envelope, { signal })
      }
      await stream.close({ signal })
    } catch (error) {
      stream.abort(error as Error)
    }
  })
}

/** @throws NetworkError `protocol` where the peer has asked only just now */
function requirePause(askers: Map<string, number>, peer: PeerId): void {
  const name = peer.toString()
  const nowMs = performance.now()
  const pauseMs = nowMs - (askers.get(name) ?? Number.NEGATIVE_INFINITY)
  if (pauseMs < LEAST_PAUSE_MS) {
    throw new NetworkError('protocol', `${name} asks again after ${Math.round(pauseMs)} ms.`)
  }
  askers.delete(name)
  if (askers.size >= MAX_ASKERS) askers.delete(askers.keys().next().value!)
  askers.set(name, nowMs)
}

/** Asks one peer. @returns its envelopes, at most `MAX_RECONCILED` */
export async function askFor(
  peer: Peer,
  from: PeerId,
  have: readonly Hash[],
  stop: AbortSignal,
): Promise<Uint8Array[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)])
  const stream = await peer.libp2p.dialProtocol(from, PROTOCOL, { signal })
  try {
    const framed = lpStream(stream, { maxDataLength: MAX_DIGESTS * HASH_BYTES })
    const digests = have.slice(0, MAX_DIGESTS).map(fromHex)
    await framed.write(Buffer.concat(digests), { signal })
    const answer = lpStream(framed.unwrap(), { maxDataLength: MAX_ENVELOPE_BYTES })
    const envelopes: Uint8Array[] = []
    while (envelopes.length < MAX_RECONCILED) {
      const next = await answer.read({ signal }).catch(endOfStream)
      if (!next) break
      envelopes.push(next.subarray())
    }
    await stream.close({ signal })
    return envelopes
  } catch (error) {
    stream.abort(error as Error)
    throw error
  }
}

/** The other side closing is how it says that this was all. */
function endOfStream(error: Error): Uint8ArrayList | undefined {
  if (error.name === 'UnexpectedEOFError') return undefined
  throw error
}

function digestsFrom(bytes: Uint8Array): Hash[] {
  if (bytes.length % HASH_BYTES !== 0) throw new RangeError(`${bytes.length} bytes of digests`)
  return Array.from(
    { length: bytes.length / HASH_BYTES },
    (_, index) => toHex(bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)) as Hash,
  )
}
