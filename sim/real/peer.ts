/** A libp2p node that gossips as a worker does, by a slower clock, and counts what it is sent. */
import { type GossipSub, type GossipsubOpts, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { type Identify, identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { gossipOptions, wireOptions } from '../../worker/network/stack.ts'

/** GossipSub with what its class has beyond its interface. */
export interface OpenGossipSub extends GossipSub {
  readonly streamsOutbound: ReadonlyMap<string, unknown>
  getMeshPeers(topic: string): string[]
}

export type RealPeer = Libp2p<{ identify: Identify; pubsub: OpenGossipSub }>

/** Stands in for a chain's topic, of which allowed lists and score parameters are made. */
export const TOPIC = '/tributary/calibration/messages/1'

/**
 * @param dilation how many times slower its gossip is
 * @param onCopy hears of each copy of a message, the first and all others
 */
export async function startRealPeer(dilation: number, onCopy: () => void): Promise<RealPeer> {
  const peer = await createLibp2p({
    ...wireOptions(),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    // It pings every ten seconds, and breaks connections that are slower than it thinks fit.
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      pubsub: gossipsub({
        ...slowed(gossipOptions([TOPIC]), dilation),
        dataTransform: {
          inboundTransform: (_topic, data) => {
            onCopy()
            return data
          },
          outboundTransform: (_topic, data) => data,
        },
      }),
    },
  })
  return peer as RealPeer
}

/** GossipSub's times as they are where nobody sets them, in milliseconds. */
const TIMES = {
  heartbeatInterval: 1000,
  fanoutTTL: 60_000,
  seenTTL: 120_000,
  gossipsubIWantFollowupMs: 3000,
  pruneBackoff: 60_000,
  unsubcribeBackoff: 10_000,
  graftFloodThreshold: 10_000,
} as const satisfies Partial<GossipsubOpts>
const DECAY_INTERVAL_MS = 1000

function slowed(options: Partial<GossipsubOpts>, dilation: number): Partial<GossipsubOpts> {
  const times = Object.entries(TIMES).map(([name, ms]) => [
    name,
    dilation * ((options as Record<string, number>)[name] ?? ms),
  ])
  const decayMs = options.scoreParams?.decayInterval ?? DECAY_INTERVAL_MS
  return {
    ...options,
    ...Object.fromEntries(times),
    scoreParams: { ...options.scoreParams, decayInterval: dilation * decayMs },
  }
}

/** Where it listens. */
export function portOf(peer: RealPeer): number {
  return Number(/\/tcp\/(\d+)/.exec(String(peer.getMultiaddrs()[0]))![1])
}

/** Dials a peer by way of the port of a proxy. */
export async function dialBy(peer: RealPeer, to: RealPeer, port: number): Promise<void> {
  await peer.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${to.peerId}`))
}
