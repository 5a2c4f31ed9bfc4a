/**
 * Tokens on their way from the worker to the requester while an answer is written. They are a courtesy, not a claim:
 * what counts is the signed result, and a requester compares the two.
 */
import * as dagCbor from '@ipld/dag-cbor'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { pipe } from 'it-pipe'
import { z } from 'zod'
import { type Address, bytes32 } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { addressOf } from '../../protocol/signature.ts'
import { NetworkError } from './errors.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = '/tributary/tokens/1.0.0'
/** A frame holds the text of one token, or of a few: so many UTF-16 units, of three bytes each at the most. */
const MAX_FRAME_TEXT = 1024
const MAX_FRAME_BYTES = 4096
/** Until the next frame comes, or is taken. */
const SILENCE_MS = 60_000

const Frame = z.strictObject({ jobId: bytes32, text: z.string().max(MAX_FRAME_TEXT) })

export type TokenListener = (jobId: Hash, text: string) => void

/**
 * Receives tokens of jobs that this node ordered.
 * @param begin is told whose each stream is, and gives what hears it
 */
export async function receiveTokens(
  peer: Peer,
  begin: (worker: Address) => TokenListener,
): Promise<void> {
  await peer.libp2p.handle(PROTOCOL, async (stream: Stream, { remotePeer }: Connection) => {
    try {
      const listener = begin(workerOf(remotePeer))
      const framed = lpStream(stream, { maxDataLength: MAX_FRAME_BYTES })
      for (;;) {
        const signal = AbortSignal.timeout(SILENCE_MS)
        const bytes = (await framed.read({ signal })).subarray()
        const { jobId, text } = Frame.parse(dagCbor.decode(bytes))
        listener(jobId, text)
      }
    } catch (error) {
      // The end of the stream, silence, or rubbish: each ends it, and the claim is what counts.
      stream.abort(error as Error)
    }
  })
}

/** @throws NetworkError `protocol` where no node's key makes that peer id */
function workerOf({ type, publicKey }: PeerId): Address {
  if (type === 'secp256k1') return addressOf(publicKey!.raw)
  throw new NetworkError('protocol', `a peer with a key of ${type} is no worker`)
}

/** Sends texts as they come, until they end. @throws libp2p's errors where the other side does not take them in time */
export async function sendTokens(
  peer: Peer,
  to: PeerId,
  jobId: Hash,
  texts: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const inTime = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(SILENCE_MS)])
  const stream = await peer.libp2p.dialProtocol(to, PROTOCOL, { signal: inTime() })
  const framed = lpStream(stream, { maxDataLength: MAX_FRAME_BYTES })
  try {
    await pipe(texts, inFrames, async (source) => {
      for await (const text of source) {
        await framed.write(dagCbor.encode({ jobId, text }), { signal: inTime() })
      }
    })
    await stream.close({ signal: inTime() })
  } catch (error) {
    stream.abort(error as Error)
    throw error
  }
}

/** What was written while the other side was dialled comes in one piece, which may be too large for a frame. */
async function* inFrames(texts: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const text of texts) {
    for (let at = 0; at < text.length; ) {
      const end = endOfFrame(text, at)
      yield text.slice(at, end)
      at = end
    }
  }
}

/** Never between the halves of a surrogate pair. */
function endOfFrame(text: string, from: number): number {
  const end = from + MAX_FRAME_TEXT
  const isPair = end < text.length && text.codePointAt(end - 1)! > 0xffff
  return isPair ? end - 1 : end
}
