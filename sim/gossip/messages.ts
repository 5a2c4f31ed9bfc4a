/**
 * The messages that are still about, 32 to a block: who has seen them, and when each node's first copy is known to come.
 * A block is given up only when nothing in the network or in any history names it, so no message is ever mistaken for
 * another.
 */
import { firstOf } from './bits.ts'

export const BLOCK_MESSAGES = 32
/** Later than anything that is set. */
const UNKNOWN = 0x7fffffff

export interface Block {
  /** One bit a message, for each node. */
  readonly seen: Int32Array
  /** When a node's first copy comes as far as is known, in microseconds since publication: message · nodes + node. */
  readonly comesUs: Int32Array
  /** Records in the queue that name a message of this block. */
  references: number
}

export class Messages {
  /** By message: when it was published, in microseconds. */
  readonly publishedUs: number[] = []
  readonly nodes: number
  readonly #keepsTimes: boolean
  readonly #blocks: Block[] = []
  readonly #spare: Block[] = []
  #firstBlock = 0

  /** @param keepsTimes whether it matters when a node's first copy comes */
  constructor(nodes: number, keepsTimes: boolean) {
    this.nodes = nodes
    this.#keepsTimes = keepsTimes
  }

  get published(): number {
    return this.publishedUs.length
  }

  /** @returns the new message's number */
  publish(nowUs: number, historyUs: number): number {
    this.#giveUp(nowUs - historyUs)
    const message = this.publishedUs.push(nowUs) - 1
    if (message % BLOCK_MESSAGES === 0) this.#blocks.push(this.#spare.pop() ?? this.#newBlock())
    return message
  }

  /** @param number a message's number / 32, without the rest */
  block(number: number): Block {
    return this.#blocks[number - this.#firstBlock]!
  }

  of(message: number): Block {
    return this.#blocks[(message >> 5) - this.#firstBlock]!
  }

  hasSeen(node: number, message: number): boolean {
    return ((this.of(message).seen[node]! >>> (message & 31)) & 1) === 1
  }

  /** Notes that a node has a message now; false where it had it before. */
  see(node: number, message: number, nowUs: number): boolean {
    const { seen, comesUs } = this.of(message)
    const bit = 1 << (message & 31)
    if ((seen[node]! & bit) !== 0) return false
    seen[node]! |= bit
    const afterUs = nowUs - this.publishedUs[message]!
    if (this.#keepsTimes && afterUs < UNKNOWN) {
      comesUs[(message & 31) * this.nodes + node] = afterUs
    }
    return true
  }

  /** Notes that a copy will come; false where an earlier one is known to, so that this one will change nothing. */
  expect(node: number, message: number, atUs: number): boolean {
    const { comesUs } = this.of(message)
    const at = (message & 31) * this.nodes + node
    const afterUs = atUs - this.publishedUs[message]!
    // Of two that come in the same microsecond the order of the queue decides, so both are queued.
    if (comesUs[at]! < afterUs) return false
    if (afterUs < UNKNOWN) comesUs[at] = afterUs
    return true
  }

  /** Whether the node has seen, or is known to see before `atUs`, all these messages of a block. */
  isForeseen(node: number, number: number, set: number, atUs: number): boolean {
    const { seen, comesUs } = this.block(number)
    for (let rest = set & ~seen[node]!; rest !== 0; rest &= rest - 1) {
      const place = firstOf(rest)
      const comesAfterUs = comesUs[place * this.nodes + node]!
      const afterUs = atUs - this.publishedUs[number * BLOCK_MESSAGES + place]!
      if (comesAfterUs === UNKNOWN || comesAfterUs >= afterUs) return false
    }
    return true
  }

  /** A node starts afresh: what it saw before, or was sent before, is nothing to it. */
  forget(node: number): void {
    for (const { seen, comesUs } of this.#blocks) {
      seen[node] = 0
      for (let at = node; at < comesUs.length; at += this.nodes) comesUs[at] = UNKNOWN
    }
  }

  /** How many messages since `sinceUs` are about that the node has not seen. */
  missedSince(node: number, sinceUs: number): number {
    let missed = 0
    const first = this.#firstBlock * BLOCK_MESSAGES
    for (let message = this.published - 1; message >= first; message--) {
      if (this.publishedUs[message]! < sinceUs) break
      if (!this.hasSeen(node, message)) missed += 1
    }
    return missed
  }

  /** Blocks all of whose messages are older, and named by nothing on its way, are used again. */
  #giveUp(sinceUs: number): void {
    for (;;) {
      const oldest = this.#blocks[0]
      const last = (this.#firstBlock + 1) * BLOCK_MESSAGES - 1
      if (!oldest || oldest.references > 0 || !(this.publishedUs[last]! < sinceUs)) return
      this.#blocks.shift()
      this.#firstBlock += 1
      oldest.seen.fill(0)
      oldest.comesUs.fill(UNKNOWN)
      this.#spare.push(oldest)
    }
  }

  #newBlock(): Block {
    const seen = new Int32Array(this.nodes)
    const length = this.#keepsTimes ? BLOCK_MESSAGES * this.nodes : 0
    return { seen, comesUs: new Int32Array(length).fill(UNKNOWN), references: 0 }
  }
}
