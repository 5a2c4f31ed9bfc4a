/** The mesh: bytes in through the core's judgement, bytes out. What is rejected costs its sender's score. */
import { type GossipSub, type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub'
import type { PeerId } from '@libp2p/interface'
import type { Judgement } from '../../coordinator-free/admission.ts'

export interface Gossip {
  publish(bytes: Uint8Array): Promise<void>
  /** Peers that listen to our topic. */
  subscribers(): PeerId[]
  stop(): void
}

/** One topic a network: its number goes up when messages change, or the documents that they name. */
export function topicOf(chainId: number): string {
  return `/tributary/${chainId}/messages/5`
}

/** @param judge asks the core; what it accepts is passed on through the mesh */
export function joinGossip(
  pubsub: GossipSub,
  topic: string,
  judge: (bytes: Uint8Array) => Judgement,
): Gossip {
  pubsub.topicValidators.set(
    topic,
    (_from: PeerId, message: Message) => RESULTS[judge(message.data).verdict],
  )
  pubsub.subscribe(topic)
  return {
    publish: async (bytes) => {
      await pubsub.publish(topic, bytes)
    },
    subscribers: () => pubsub.getSubscribers(topic),
    stop: () => {
      pubsub.unsubscribe(topic)
      pubsub.topicValidators.delete(topic)
    },
  }
}

const RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const satisfies Record<Judgement['verdict'], TopicValidatorResult>
