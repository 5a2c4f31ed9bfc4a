/**
 * One block, asked of one neighbour. Bitswap tells all neighbours what is wanted and then waits, and now and then for
 * nothing; here whoever is asked says at once whether it has the block, and hands it over.
 */
import type { PeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { CID } from 'multiformats/cid'
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import { isBlockOf } from '../block-hash.ts'
import { NetworkError } from './errors.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = '/tributary/block/1.0.0'
const MAX_CID_BYTES = 64
/** Leaves of files are the largest blocks but for long documents; bitswap takes no larger ones either. */
const MAX_BLOCK_BYTES = 4 * LEAF_BYTES
/** Until a neighbour has said whether it has the block: on a slow line its word comes behind blocks that are on their way. */
const ANSWER_MS = 40_000
/** Until the block is there: a mebibyte takes half of it at 35 kB a second. */
const BLOCK_MS = 60_000
/** Blocks that one neighbour may ask for at the same time. */
const MAX_STREAMS = 8

/** Hands over blocks that are here; none is fetched for others. */
export async function serveBlocks(peer: Peer): Promise<void> {
  const answer = async (stream: Stream): Promise<void> => {
    const signal = AbortSignal.timeout(BLOCK_MS)
    try {
      const framed = lpStream(stream, { maxDataLength: MAX_CID_BYTES })
      const cid = CID.decode((await framed.read({ signal })).subarray())
      const isHere = await peer.blockstore.has(cid, { signal })
      await framed.write(Uint8Array.of(isHere ? 1 : 0), { signal })
      const get = { offline: true, signal }
      if (isHere) await framed.write(await collect(peer.blockstore.get(cid, get)), { signal })
      await stream.close({ signal })
    } catch (error) {
      stream.abort(error as Error)
    }
  }
  await peer.libp2p.handle(PROTOCOL, answer, { maxInboundStreams: MAX_STREAMS })
}

/**
 * Asks a peer for a block. Where it says that it has it, the block is taken when its turn has come.
 * @returns its bytes, which hash to the content id; undefined where the peer has none
 * @throws NetworkError `protocol` where it gives something else; libp2p's errors where it does not answer in time
 */
export async function askForBlock(
  peer: Peer,
  from: PeerId,
  cid: CID,
  stop: AbortSignal,
  turn: () => Promise<void> = () => Promise.resolve(),
): Promise<Uint8Array | undefined> {
  const soon = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_MS)])
  const stream = await peer.libp2p.dialProtocol(from, PROTOCOL, { signal: soon })
  try {
    const framed = lpStream(stream, { maxDataLength: MAX_BLOCK_BYTES })
    await framed.write(cid.bytes, { signal: soon })
    const isHere = (await framed.read({ signal: soon })).subarray()[0] === 1
    if (isHere) await orStopped(turn(), stop)
    const signal = AbortSignal.any([stop, AbortSignal.timeout(BLOCK_MS)])
    const bytes = isHere ? (await framed.read({ signal })).subarray() : undefined
    if (bytes && !isBlockOf(cid, bytes)) {
      throw new NetworkError('protocol', `${from} gave ${bytes.length} bytes that are not ${cid}.`)
    }
    await stream.close({ signal })
    return bytes
  } catch (error) {
    stream.abort(error as Error)
    throw error
  }
}

function orStopped(wait: Promise<void>, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(stop.reason)
    if (stop.aborted) give()
    stop.addEventListener('abort', give, { once: true })
    void wait.then(resolve).finally(() => stop.removeEventListener('abort', give))
  })
}

/** The bytes of a block that a blockstore gives in parts. */
export async function collect(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array> {
  const held: Uint8Array[] = []
  for await (const part of parts) held.push(part)
  return held.length === 1 ? held[0]! : Buffer.concat(held)
}
