/**
 * Tokens on their way from the worker to the requester while an answer is written. They are a courtesy, not a claim:
 * what counts is the signed result, and a requester compares the two.
 */
import * as dagCbor from '@ipld/dag-cbor'
import type { PeerId, Stream } from '@libp2p/interface'
import { lpStream, messageStreamToDuplex } from '@libp2p/utils'
import { encode } from 'it-length-prefixed'
import { pipe } from 'it-pipe'
import { z } from 'zod'
import { bytes32 } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = '/tributary/tokens/1.0.0'
/** A frame holds the text of one token, or of a few. */
const MAX_FRAME_BYTES = 4096
const SILENCE_MS = 60_000

const Frame = z.strictObject({ jobId: bytes32, text: z.string().max(1024) })

export type TokenListener = (jobId: Hash, text: string, from: PeerId) => void

/** Receives tokens of jobs that this node ordered. */
export async function receiveTokens(peer: Peer, listener: TokenListener): Promise<void> {
  await peer.libp2p.handle(PROTOCOL, async (stream: Stream, connection) => {
    try {
      const framed = lpStream(stream, { maxDataLength: MAX_FRAME_BYTES })
      for (;;) {
        const signal = AbortSignal.timeout(SILENCE_MS)
        const bytes = (await framed.read({ signal })).subarray()
        const { jobId, text } = Frame.parse(dagCbor.decode(bytes))
        listener(jobId, text, connection.remotePeer)
      }
    } catch (error) {
      // The end of the stream, silence, or rubbish: each ends it, and the claim is what counts.
      stream.abort(error as Error)
    }
  })
}

/** Sends texts as they come, until they end. Fails quietly: an answer is not lost because nobody listens. */
export async function sendTokens(
  peer: Peer,
  to: PeerId,
  jobId: Hash,
  texts: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const stream = await peer.libp2p.dialProtocol(to, PROTOCOL, { signal })
  await pipe(
    texts,
    async function* (source) {
      for await (const text of source) yield dagCbor.encode({ jobId, text })
    },
    (source) => encode(source, { maxDataLength: MAX_FRAME_BYTES }),
    messageStreamToDuplex(stream).sink,
  )
  await stream.close({ signal })
}
