/**
 * What carries messages: an uplink that sends one after the other, links that keep their order, jitter, and loss that
 * costs time. It counts all that is sent and what becomes of it.
 */
import { invariant } from '../../protocol/invariant.ts'
import { Streams } from '../kernel/streams.ts'
import { Wheel } from '../kernel/wheel.ts'
import { firstOf, sizeOf } from './bits.ts'
import { jitterTable } from './jitter.ts'
import type { Links } from './links.ts'
import type { Messages } from './messages.ts'
import { REGIONS } from './regions.ts'
import { type GossipScenario, WARM_UP_US } from './scenario.ts'
import {
  DELAY,
  DRAWN,
  FIRST,
  PEER,
  PLACE_BITS,
  SENDER_TIMES,
  SENDER_WORDS,
  SENT_BYTES,
  SEQUENCE,
  WAY_TIMES,
  WAY_WORDS,
  Ways,
} from './ways.ts'

/** Sent from node to node: `a` is a message, or the number of a block of which `b` is a set. */
export const MESSAGE = 0
export const IHAVE = 1
export const IWANT = 2
export const GRAFT = 3
export const PRUNE = 4
/** A node is there and has joined; where `a` is 1 it asks whether its peer is, too. */
export const HELLO = 5
export const GOODBYE = 6
/** Tells that a message need not be sent; it is never queued, since when it comes is known from when that message came. */
export const IDONTWANT = 7
/** Set by a node for itself: `a` of VALIDATED is a message, `b` the place of the link that it came by. */
export const JOIN = 8
export const HEARTBEAT = 9
export const VALIDATED = 10
export const RETURN = 11
export const PUBLISH = 12
/** Many nodes go away at once. */
export const OUTAGE = 13

/** A record's `kind` holds the kind, the receiver's place for the link, and the receiver's life that it is meant for. */
const PLACE_SHIFT = 4
const LIFE_SHIFT = 16

/** Of so many things to come the memory is read ahead: their lines fit the first cache. */
const READ_AHEAD = 32

/** Nodes inside hear nothing from those outside, and these nothing from them. */
interface Cut {
  readonly fromUs: number
  readonly untilUs: number
  readonly isInside: Uint8Array
}

/** What a lost segment costs at least: the usual least time to retransmission in TCP. */
const RETRANSMIT_US = 200_000

export class Wire {
  readonly wheel = new Wheel()
  sent = 0
  received = 0
  /** Sent to somebody who was gone when it came, or had been gone since it was sent. */
  lost = 0
  /** Needed sending twice, and came late. */
  resent = 0
  elided = 0
  elidedMessages = 0
  sentBytes = 0
  /** How often each kind was sent. */
  readonly sentByKind = new Float64Array(16)
  /** Even while a node is up; each end and each beginning of a life counts one. The publisher of all is beyond the last. */
  readonly lives: Uint16Array
  readonly links: Links
  readonly ways: Ways
  readonly #messages: Messages
  readonly #scenario: GossipScenario
  readonly #elides: boolean
  readonly #streams: Streams
  readonly #jitter = jitterTable()
  readonly #cut: Cut | undefined
  #timers = 0
  /** Of no account, but reading for nothing would be left out. */
  wasRead = 0
  /** Things to come whose nodes' links were read already. */
  #readAhead = 0

  constructor(scenario: GossipScenario, links: Links, messages: Messages) {
    const { seed } = scenario
    const nodes = scenario.nodes + scenario.sybils
    this.links = links
    this.#scenario = scenario
    this.#elides = scenario.elides
    this.#messages = messages
    // How much each node drew stands in its record.
    this.#streams = new Streams(seed, 'network', 0)
    this.lives = new Uint16Array(nodes + 1)
    this.ways = new Ways(links)
    this.#cut = cutOf(scenario, links.regions)
  }

  /** Bytes sent by each node. */
  get sentBytesBy(): Float64Array {
    return this.ways.sentBytesBy(this.lives.length - 1)
  }

  /** Sends something along a node's link. */
  send(from: number, place: number, kind: number, a: number, b: number, bytes: number): void {
    this.sendAll(from, 1 << place, kind, a, b, bytes)
  }

  /** Sends the same along a set of a node's links, one after the other. */
  sendAll(from: number, set: number, kind: number, a: number, b: number, bytes: number): void {
    if (set === 0) return
    const { words, times, senders, senderTimes } = this.ways
    const sender = from * SENDER_WORDS
    const key = this.#streams.keyOf(from)
    const { loss } = this.#scenario
    const takesUs = Math.ceil((8 * bytes) / this.#scenario.uplinkMbps)
    const informed = kind === IHAVE ? this.#informed(from, set, a, b) : 0
    let drawn = senders[sender + DRAWN]!
    let departsUs = Math.max(this.wheel.nowUs, senderTimes[from * SENDER_TIMES]!)
    for (let rest = set; rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      const link = senders[sender + FIRST]! + place
      const delayUs = words[link * WAY_WORDS + DELAY]!
      departsUs += takesUs
      const extra = this.#jitter[this.#streams.nth(key, drawn++) >>> 22]!
      let atUs = departsUs + delayUs + Math.floor(delayUs * extra)
      if (loss > 0 && this.#streams.nth(key, drawn++) < loss * 2 ** 32) {
        this.resent += 1
        atUs += RETRANSMIT_US + 2 * delayUs
      }
      // A link keeps its order.
      atUs = Math.max(atUs, times[link * WAY_TIMES]!)
      times[link * WAY_TIMES] = atUs
      if (((informed >>> place) & 1) === 0)
        this.#convey(from, words[link * WAY_WORDS + PEER]!, kind, a, b, atUs)
    }
    senders[sender + DRAWN] = drawn
    senderTimes[from * SENDER_TIMES] = departsUs
    this.sent += sizeOf(set)
    this.elided += sizeOf(informed)
    this.tell(from, sizeOf(set), kind, bytes)
  }

  /** Counts what is told to so many peers, and need not be queued. */
  tell(from: number, peers: number, kind: number, bytes: number): void {
    this.sentBytes += peers * bytes
    this.ways.senderTimes[from * SENDER_TIMES + SENT_BYTES]! += peers * bytes
    this.sentByKind[kind]! += peers
  }

  /** Sets something for a node itself; it lapses with the node's life. */
  after(node: number, delayUs: number, kind: number, a = 0, b = 0): void {
    const { wheel } = this
    this.#timers += 1
    if (kind === VALIDATED) this.#messages.of(a).references += 1
    const what = kind | (this.lives[node]! << LIFE_SHIFT)
    wheel.push(wheel.nowUs + delayUs, node, this.#nextOf(node), node, what, a, b)
  }

  /** Takes the next thing in hand; false where none is due by then. */
  next(untilUs: number): boolean {
    const isOne = this.wheel.next(untilUs)
    if (isOne && --this.#readAhead < 0) this.#readAhead = this.#read()
    return isOne
  }

  /** Accounts for what is in hand: false where its receiver is not who it was meant for any more. */
  arrives(): boolean {
    const { target, kind: what, a } = this.wheel
    const kind = what & 15
    if (kind <= IWANT) this.#messages.block(kind === MESSAGE ? a >> 5 : a).references -= 1
    else if (kind === VALIDATED) this.#messages.of(a).references -= 1
    const isMeant = this.lives[target] === what >>> LIFE_SHIFT
    if (kind >= JOIN) {
      this.#timers -= 1
      return isMeant
    }
    // In an odd life nobody is there, though it was sent in that life.
    const isTaken = isMeant && (this.lives[target]! & 1) === 0
    if (isTaken) this.received += 1
    else this.lost += 1
    return isTaken
  }

  get kind(): number {
    return this.wheel.kind & 15
  }

  /** The receiver's place for the link by which the thing in hand came. */
  get place(): number {
    return (this.wheel.kind >>> PLACE_SHIFT) & 31
  }

  /** Begins or ends a node's life. */
  turn(node: number): void {
    this.lives[node]! += 1
    this.ways.senderTimes[node * SENDER_TIMES] = 0
  }

  /** On its way now. */
  get inFlight(): number {
    return this.wheel.size - this.#timers
  }

  /** Nothing comes from nowhere, and nothing goes there. */
  checkConservation(): void {
    const { sent, received, lost, elided, inFlight } = this
    invariant(
      sent === received + lost + elided + inFlight,
      `${sent} were sent, but ${received} received, ${lost} lost, ${elided} elided, ${inFlight} in flight`,
    )
  }

  #isCut({ fromUs, untilUs, isInside }: Cut, from: number, to: number): boolean {
    const { nowUs } = this.wheel
    return nowUs >= fromUs && nowUs < untilUs && isInside[from] !== isInside[to]
  }

  /**
   * Whom it changes nothing to be told of these messages, since they have them all: most. Asked in a loop of its own, which
   * is so short that memory is waited for once and not for each.
   */
  #informed(from: number, set: number, block: number, told: number): number {
    if (!this.#elides || this.#cut !== undefined) return 0
    const { ways } = this
    const { seen } = this.#messages.block(block)
    const first = ways.first(from)
    let informed = 0
    for (let rest = set; rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      if ((told & ~seen[ways.peer(first + place)]!) === 0) informed |= 1 << place
    }
    return informed
  }

  /** Puts what is sent into the queue, unless it is cut off, or will change nothing. */
  #convey(from: number, peer: number, kind: number, a: number, b: number, atUs: number): void {
    const to = peer >>> PLACE_BITS
    if (this.#cut !== undefined && this.#isCut(this.#cut, from, to)) {
      this.lost += 1
      return
    }
    if (kind <= IWANT) {
      if (this.#elides && this.#changesNothing(to, kind, a, b, atUs)) return
      this.#messages.block(kind === MESSAGE ? a >> 5 : a).references += 1
    }
    const place = peer & ((1 << PLACE_BITS) - 1)
    const what = kind | (place << PLACE_SHIFT) | (this.lives[to]! << LIFE_SHIFT)
    this.wheel.push(atUs, from, this.#nextOf(from), to, what, a, b)
  }

  /**
   * Reads the links of nodes that are about to send: all at once memory is waited for once, and one after the other each
   * time. How many things that holds for is the answer.
   */
  #read(): number {
    const { wheel, ways } = this
    const things = Math.min(wheel.ordered, READ_AHEAD)
    let sum = 0
    for (let ahead = 0; ahead < things; ahead++) {
      if ((wheel.kindOf(ahead) & 15) >= HEARTBEAT) sum ^= ways.read(wheel.targetOf(ahead))
    }
    this.wasRead = sum
    return things
  }

  #nextOf(node: number): number {
    return this.ways.senders[node * SENDER_WORDS + SEQUENCE]!++
  }

  /** Whether what is sent will find all seen that it speaks of: the receiver does nothing then. */
  #changesNothing(to: number, kind: number, a: number, b: number, atUs: number): boolean {
    if (kind === IWANT) return false
    const isNothing =
      kind === MESSAGE
        ? !this.#messages.expect(to, a, atUs)
        : this.#messages.isForeseen(to, a, b, atUs)
    if (!isNothing) return false
    this.elided += 1
    if (kind === MESSAGE && to < this.#scenario.nodes) this.elidedMessages += 1
    return true
  }
}

function cutOf(scenario: GossipScenario, regions: Uint8Array): Cut | undefined {
  const { cutRegions, cutFromMs, cutForMs } = scenario
  if (cutRegions.length === 0) return undefined
  const fromUs = WARM_UP_US + 1000 * cutFromMs
  const isInside = regions.map((region) => (cutRegions.includes(REGIONS[region]!.name) ? 1 : 0))
  return { fromUs, untilUs: fromUs + 1000 * cutForMs, isInside }
}
