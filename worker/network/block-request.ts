/**
 * One block, asked of one neighbour. Bitswap tells all neighbours what is wanted and then waits, and now and then for
 * nothing; here whoever is asked says at once whether it has the block, and hands it over.
 */
import type { PeerId, Stream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { CID } from 'multiformats/cid'
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import { isBlockOf } from '../block-hash.ts'
import { NetworkError } from './errors.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = '/tributary/block/2.0.0'
const MAX_CID_BYTES = 64
/** Leaves of files are the largest blocks but for long documents; bitswap takes no larger ones either. */
const MAX_BLOCK_BYTES = 4 * LEAF_BYTES
/** Until a neighbour has said whether it has the block: on a slow line that comes behind blocks that are on their way. */
const ANSWER_MS = 40_000
/** Until the block is there: a mebibyte takes half of it at 35 kB a second. */
const BLOCK_MS = 60_000
/** A block comes in parts, and each so soon after the one before: who promises and does not give is found out early. */
const PART_MS = 30_000
const PART_BYTES = 64 * 1024
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
      const get = { offline: true, signal }
      const block = isHere ? await collect(peer.blockstore.get(cid, get)) : undefined
      await framed.write(headOf(block), { signal })
      for (let at = 0; block && at < block.length; at += PART_BYTES) {
        await framed.write(block.subarray(at, at + PART_BYTES), { signal })
      }
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
    const framed = lpStream(stream, { maxDataLength: PART_BYTES })
    await framed.write(cid.bytes, { signal: soon })
    const length = lengthOf((await framed.read({ signal: soon })).subarray(), from)
    if (length !== undefined) await orStopped(turn(), stop)
    const signal = AbortSignal.any([stop, AbortSignal.timeout(BLOCK_MS)])
    const block = length === undefined ? undefined : await readParts(framed, length, signal)
    if (block && !isBlockOf(cid, block)) {
      throw new NetworkError('protocol', `${from} gave ${block.length} bytes that are not ${cid}.`)
    }
    await stream.close({ signal })
    return block
  } catch (error) {
    stream.abort(error as Error)
    throw error
  }
}

/** Says how long the block is that follows; no bytes where it is not here. */
function headOf(block: Uint8Array | undefined): Uint8Array {
  const head = new Uint8Array(block ? 4 : 0)
  if (block) new DataView(head.buffer).setUint32(0, block.length)
  return head
}

/** @throws NetworkError `protocol` where it is no length of a block */
function lengthOf(head: Uint8Array, from: PeerId): number | undefined {
  if (head.length === 0) return undefined
  const length = head.length === 4 ? new DataView(head.buffer, head.byteOffset).getUint32(0) : -1
  if (length >= 0 && length <= MAX_BLOCK_BYTES) return length
  throw new NetworkError(
    'protocol',
    `${from} promised a block of ${length} bytes; the most is ${MAX_BLOCK_BYTES}.`,
  )
}

/** Until there are so many bytes, or one part is late. */
async function readParts(
  framed: Pick<LengthPrefixedStream, 'read'>,
  length: number,
  stop: AbortSignal,
): Promise<Uint8Array> {
  const block = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const part = await framed.read({
      signal: AbortSignal.any([stop, AbortSignal.timeout(PART_MS)]),
    })
    if (part.length === 0 || at + part.length > length) {
      throw new NetworkError(
        'protocol',
        `A part of ${part.length} bytes came at ${at} of ${length}.`,
      )
    }
    block.set(part.subarray(), at)
    at += part.length
  }
  return block
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
