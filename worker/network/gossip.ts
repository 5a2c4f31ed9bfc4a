/** The mesh: bytes in through the core's judgement, bytes out. What is rejected costs its sender's score. */
import { type GossipSub, type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub'
import type { PeerId } from '@libp2p/interface'
import type { Judgement } from '../../coordinator-free/events.ts'
import type { Audience } from '../../protocol/message.ts'
import { Patience } from './patience.ts'

export interface Gossip {
  /** What is for validators only goes to everyone where no neighbour is one. */
  publish(bytes: Uint8Array, to?: Audience): Promise<void>
  /** Neighbours that listen to what is said to all, or to validators. */
  subscribers(to?: Audience): PeerId[]
  stop(): void
}

/** The topics that a node listens to. */
export interface Topics {
  readonly everyone: string
  readonly validators?: string
}

/** Those of a network: their numbers go up when messages change, or the documents that they name. */
export function topicsOf(chainId: number): Required<Topics> {
  return {
    everyone: `/tributary/${chainId}/messages/6`,
    validators: `/tributary/${chainId}/validators/1`,
  }
}

/**
 * @param judge asks the core; what it accepts is passed on through the mesh
 * @param hangUp ends a neighbour's connections. Else whoever has lost its score is still read from, and who sends what is
 * only ignored never loses it.
 */
export function joinGossip(
  pubsub: GossipSub,
  topics: Topics,
  judge: (bytes: Uint8Array) => Judgement,
  hangUp?: (peer: PeerId) => void,
): Gossip {
  const joined = Object.values<string>(topics as Required<Topics>)
  const patience = new Patience()
  const validate = (from: PeerId, { data }: Message): TopicValidatorResult => {
    const peer = from.toString()
    if (hangUp && !patience.isLeft(peer)) {
      hangUp(from)
      return TopicValidatorResult.Ignore
    }
    const { verdict } = judge(data)
    patience.spend(peer, verdict)
    return RESULTS[verdict]
  }
  for (const topic of joined) {
    pubsub.topicValidators.set(topic, validate)
    pubsub.subscribe(topic)
  }
  const subscribers = (to: Audience = 'everyone'): PeerId[] => {
    const topic = topics[to]
    return topic === undefined ? [] : pubsub.getSubscribers(topic)
  }
  return {
    publish: async (bytes, to = 'everyone') => {
      const { everyone, validators = everyone } = topics
      const hasListeners = to === 'validators' && subscribers(to).length > 0
      await pubsub.publish(hasListeners ? validators : everyone, bytes)
    },
    subscribers,
    stop: () => {
      for (const topic of joined) {
        pubsub.unsubscribe(topic)
        pubsub.topicValidators.delete(topic)
      }
    },
  }
}

const RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const satisfies Record<Judgement['verdict'], TopicValidatorResult>
