/**
 * One block, asked of one neighbour. Bitswap tells all neighbours what is wanted and then waits, and now and then for
 * nothing; here whoever is asked says at once where it has not got the block, and else as soon as it can give it. It gives it
 * when the word to do so comes back, so who asks many gets it once.
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { CID } from 'multiformats/cid'
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import { isBlockOf } from '../block-hash.ts'
import { NetworkError } from './errors.ts'
import { Giving } from './giving.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = '/tributary/block/3.0.0'
const MAX_CID_BYTES = 64
/** Leaves of files are the largest blocks but for long documents; bitswap takes no larger ones either. */
const MAX_BLOCK_BYTES = 4 * LEAF_BYTES
/** Until a neighbour has said whether it has the block: on a slow line that comes behind blocks that are on their way. */
const ANSWER_MS = 40_000
/** Until who has it can give it: others may be before us. */
const READY_MS = 60_000
/** Until the block is there: a mebibyte takes half of it at 35 kB a second. */
const BLOCK_MS = 60_000
/** A block comes in parts, and each so soon after the one before: who promises and does not give is found out early. */
const PART_MS = 30_000
const PART_BYTES = 64 * 1024
/** Blocks that one neighbour may ask for at the same time. */
const MAX_STREAMS = 8
/** Until who asked has said that it takes the block; on a slow line that, too, comes late. */
const GO_MS = 30_000
const HERE = Uint8Array.of(1)
const NOT_HERE = new Uint8Array()
const GO = Uint8Array.of(1)

/** Hands over blocks that are here; none is fetched for others. */
export async function serveBlocks(peer: Peer): Promise<void> {
  const giving = new Giving()
  const answer = async (stream: Stream, { remotePeer }: Connection): Promise<void> => {
    const framed = lpStream(stream, { maxDataLength: MAX_CID_BYTES })
    const give = async (cid: CID): Promise<void> => {
      const soon = AbortSignal.timeout(GO_MS)
      const block = await collect(peer.blockstore.get(cid, { offline: true, signal: soon }))
      await framed.write(headOf(block), { signal: soon })
      await framed.read({ signal: soon })
      const signal = AbortSignal.timeout(BLOCK_MS)
      const sinceMs = performance.now()
      for (let at = 0; at < block.length; at += PART_BYTES) {
        await framed.write(block.subarray(at, at + PART_BYTES), { signal })
      }
      giving.took(remotePeer.toString(), performance.now() - sinceMs)
    }
    try {
      const signal = AbortSignal.timeout(ANSWER_MS)
      const cid = CID.decode((await framed.read({ signal })).subarray())
      const isHere = await peer.blockstore.has(cid, { signal })
      await framed.write(isHere ? HERE : NOT_HERE, { signal })
      // Who waited may have got it elsewhere: then the block need not be read.
      const isThere = (): boolean => stream.status === 'open'
      if (isHere) await giving.inTurn(remotePeer.toString(), () => give(cid), isThere)
      await stream.close({ signal: AbortSignal.timeout(BLOCK_MS) })
    } catch (error) {
      stream.abort(error as Error)
    }
  }
  await peer.libp2p.handle(PROTOCOL, answer, { maxInboundStreams: MAX_STREAMS })
}

/**
 * Asks a peer for a block.
 * @param onHere is told that the peer has it, and will give it when it can
 * @param takes is asked when it can
 * @returns its bytes, which hash to the content id; undefined where the peer has none, or it is not taken
 * @throws NetworkError `protocol` where it gives something else; libp2p's errors where it does not answer in time
 */
export async function askForBlock(
  peer: Peer,
  from: PeerId,
  cid: CID,
  stop: AbortSignal,
  onHere: () => void = () => {},
  takes: () => boolean = () => true,
): Promise<Uint8Array | undefined> {
  const soon = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_MS)])
  const stream = await peer.libp2p.dialProtocol(from, PROTOCOL, { signal: soon })
  try {
    const framed = lpStream(stream, { maxDataLength: PART_BYTES })
    await framed.write(cid.bytes, { signal: soon })
    const isHere = (await framed.read({ signal: soon })).length > 0
    if (!isHere) {
      await stream.close({ signal: soon })
      return undefined
    }
    onHere()
    const ready = AbortSignal.any([stop, AbortSignal.timeout(READY_MS)])
    const length = lengthOf((await framed.read({ signal: ready })).subarray(), from)
    if (!takes()) {
      stream.abort(new Error('not taken'))
      return undefined
    }
    const signal = AbortSignal.any([stop, AbortSignal.timeout(BLOCK_MS)])
    await framed.write(GO, { signal })
    const block = await readParts(framed, length, signal)
    if (!isBlockOf(cid, block)) {
      throw new NetworkError('protocol', `${from} gave ${block.length} bytes that are not ${cid}.`)
    }
    await stream.close({ signal })
    return block
  } catch (error) {
    stream.abort(error as Error)
    throw error
  }
}

/** Says how long the block is that follows. */
function headOf(block: Uint8Array): Uint8Array {
  const head = new Uint8Array(4)
  new DataView(head.buffer).setUint32(0, block.length)
  return head
}

/** @throws NetworkError `protocol` where it is no length of a block */
function lengthOf(head: Uint8Array, from: PeerId): number {
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

/** The bytes of a block that a blockstore gives in parts. */
export async function collect(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array> {
  const held: Uint8Array[] = []
  for await (const part of parts) held.push(part)
  return held.length === 1 ? held[0]! : Buffer.concat(held)
}
