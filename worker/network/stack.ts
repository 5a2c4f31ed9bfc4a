/** What nodes speak with each other: TCP, noise and yamux, and gossipsub over them. All that gossips is made of this. */
import { createHash } from 'node:crypto'
import type { GossipsubOpts } from '@chainsafe/libp2p-gossipsub'
import { createPeerScoreParams, createTopicScoreParams } from '@chainsafe/libp2p-gossipsub/score'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Libp2pOptions } from 'libp2p'
import { MAX_ENVELOPE_BYTES } from '../../protocol/params.ts'

/** A farm behind one address and a test on loopback both open many connections at once. */
const CONNECTIONS_A_SECOND = 50
const MAX_CONNECTIONS = 300
/** Who connects and says nothing is waited for. */
const UPGRADE_WAIT_MS = 10_000
/** Twice as many as one address can open in that time, so that none keeps newcomers out by itself. */
const MAX_PENDING = (2 * CONNECTIONS_A_SECOND * UPGRADE_WAIT_MS) / 1000
/** A ping waits behind the blocks that a slow line carries, and a busy machine answers late: neither is gone. */
const PING_WAIT_MS = 30_000

type WireOptions = Required<
  Pick<
    Libp2pOptions,
    | 'transports'
    | 'connectionEncrypters'
    | 'streamMuxers'
    | 'connectionManager'
    | 'connectionMonitor'
  >
>

export function wireOptions(): WireOptions {
  return {
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      inboundConnectionThreshold: CONNECTIONS_A_SECOND,
      inboundUpgradeTimeout: UPGRADE_WAIT_MS,
      maxIncomingPendingConnections: MAX_PENDING,
    },
    connectionMonitor: {
      pingInterval: PING_WAIT_MS,
      pingTimeout: { minTimeout: PING_WAIT_MS, maxTimeout: 2 * PING_WAIT_MS },
    },
  }
}

export function gossipOptions(topics: readonly string[]): Partial<GossipsubOpts> {
  return {
    // Our messages carry their own signature, and their id comes from their content and from whom it is for: what few have
    // heard may be said to all.
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: ({ topic, data }) => createHash('sha256').update(topic).update(data).digest(),
    allowedTopics: [...topics],
    allowPublishToZeroTopicPeers: true,
    // What stands in the journal is said again, byte for byte.
    ignoreDuplicatePublishError: true,
    maxInboundDataLength: 4 * MAX_ENVELOPE_BYTES,
    // Half a minute of a slow line: what waits for a minute is too old. Else who reads nothing is written to without end.
    maxOutboundBufferSize: 16 * MAX_ENVELOPE_BYTES,
    scoreParams: createPeerScoreParams({
      topics: Object.fromEntries(topics.map((topic) => [topic, TOPIC_SCORE])),
      // A farm of workers behind one address would be punished for it, and so would any test on loopback.
      IPColocationFactorWeight: 0,
    }),
  }
}

/**
 * Of what a peer delivers only what admission rejects counts, since no honest node sends it. Of nine such messages the
 * square is beyond -80, where gossipsub listens to a peer no longer; they are forgotten by halves, one in 23 seconds.
 */
const TOPIC_SCORE = createTopicScoreParams({
  topicWeight: 1,
  timeInMeshWeight: 0,
  firstMessageDeliveriesWeight: 0,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -1,
  invalidMessageDeliveriesDecay: 0.97,
})
