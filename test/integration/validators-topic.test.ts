import { deepEqual, equal } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { keepFellows, meetingPlace } from '../../worker/network/fellows.ts'
import { type Gossip, joinGossip } from '../../worker/network/gossip.ts'
import { Peers, type TestPeer, TOPICS, until } from '../harness/peers.ts'

const { everyone, validators } = TOPICS
/** Of five peers that each know but the first of them, these listen to what validators tell each other. */
const FELLOWS = [2, 4]

describe("the validators' topic", () => {
  const peers = new Peers()
  const nodes: TestPeer[] = []
  const gossips: Gossip[] = []
  const heard: string[][] = []
  const ends: (() => void)[] = []
  const heardBy = (text: string): number[] =>
    heard.flatMap((texts, i) => (texts.includes(text) ? [i] : []))

  before(async () => {
    for (let i = 0; i < 5; i++) {
      const node = await peers.start(i + 1)
      nodes.push(node)
      heard.push([])
      const topics = FELLOWS.includes(i) ? { everyone, validators } : { everyone }
      const { pubsub } = node.peer.libp2p.services
      gossips.push(
        joinGossip(pubsub, topics, (bytes) => {
          heard[i]!.push(Buffer.from(bytes).toString())
          return { verdict: 'accept', reason: 'admitted' }
        }),
      )
    }
    await until(() => gossips.slice(1).every((gossip) => gossip.subscribers().length > 0))
    await until(() => gossips[0]!.subscribers().length === 4)
  })

  after(async () => {
    for (const end of ends) end()
    await peers.stop()
  })

  it('leaves nobody unheard: what is for validators goes to everyone where no neighbour is one', async () => {
    const [first] = FELLOWS
    equal(gossips[first!]!.subscribers('validators').length, 0)
    await gossips[first!]!.publish(Buffer.from('is anybody there?'), 'validators')
    await until(() => heardBy('is anybody there?').length === 4)
  })

  it('is found by those who listen, through whoever they know', async () => {
    for (const i of FELLOWS) {
      const gossip = gossips[i]!
      ends.push(keepFellows(nodes[i]!.peer, validators, () => gossip.subscribers('validators')))
    }
    await until(() => FELLOWS.every((i) => gossips[i]!.subscribers('validators').length === 1))
    const [one, other] = FELLOWS.map((i) => nodes[i]!.peer.libp2p)
    deepEqual(gossips[FELLOWS[0]!]!.subscribers('validators').map(String), [`${other!.peerId}`])
    equal(one!.getConnections(other!.peerId).length > 0, true)
    const told = new Set([`${one!.peerId}`, `${other!.peerId}`])
    deepEqual(await saidToListen(nodes[1]!, told.size), told)
  })

  it('keeps from others what is for validators, and lets the same bytes be said to all later', async () => {
    const [from, to] = FELLOWS as [number, number]
    await until(() => gossips[from]!.subscribers('validators').length > 0)
    await gossips[from]!.publish(Buffer.from('for us'), 'validators')
    await until(() => heardBy('for us').length === 1)
    await gossips[from]!.publish(Buffer.from('a mark'))
    await until(() => heardBy('a mark').length === 4)
    deepEqual(heardBy('for us'), [to])
    await gossips[from]!.publish(Buffer.from('for us'))
    await until(() => heardBy('for us').length === 4)
    equal(heard[to]!.filter((text) => text === 'for us').length, 2)
  })

  it('is left with the rest', async () => {
    for (const gossip of gossips) gossip.stop()
    const topics = nodes.flatMap(({ peer }) => peer.libp2p.services.pubsub.getTopics())
    deepEqual(topics, [])
  })
})

/** Who is found under the topic's name by somebody who does not listen; asked until there are so many. */
async function saidToListen({ peer }: TestPeer, count: number): Promise<Set<string>> {
  const found = new Set<string>()
  const cid = await meetingPlace(validators)
  const endMs = performance.now() + 15_000
  while (found.size < count && performance.now() < endMs) {
    const signal = AbortSignal.timeout(2000)
    try {
      for await (const { id } of peer.libp2p.contentRouting.findProviders(cid, { signal }))
        found.add(`${id}`)
    } catch {
      // Nothing is found yet.
    }
  }
  return found
}
