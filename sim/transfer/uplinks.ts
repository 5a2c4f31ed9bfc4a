/**
 * What each node has still to send. A node sends one block after the other at the full rate of its line, in the order in
 * which they were asked for, so a neighbour's share of the line is its share of the requests.
 */
export class Uplinks {
  /** By node: bytes that it has sent. */
  readonly sentBytes: Float64Array
  readonly #queues: number[][]
  readonly #heads: Uint32Array
  readonly #isSending: Uint8Array
  readonly #blocks: number

  constructor(nodes: number, blocks: number) {
    this.sentBytes = new Float64Array(nodes)
    this.#queues = Array.from({ length: nodes }, () => [])
    this.#heads = new Uint32Array(nodes)
    this.#isSending = new Uint8Array(nodes)
    this.#blocks = blocks
  }

  /** @param link the getter's */
  push(node: number, link: number, block: number): void {
    this.#queues[node]!.push(link * this.#blocks + block)
  }

  /**
   * Takes the next block in hand that is still wanted, where the line is free.
   *
   * @param send is told of it
   */
  start(
    node: number,
    isWanted: (link: number, block: number) => boolean,
    send: (link: number, block: number) => void,
  ): void {
    if (this.#isSending[node] === 1) return
    const queue = this.#queues[node]!
    while (this.#heads[node]! < queue.length) {
      const item = queue[this.#heads[node]!++]!
      const link = Math.floor(item / this.#blocks)
      const block = item % this.#blocks
      if (!isWanted(link, block)) continue
      this.#isSending[node] = 1
      send(link, block)
      return
    }
    queue.length = 0
    this.#heads[node] = 0
  }

  /** The block in hand is on its way. */
  finish(node: number, bytes: number): void {
    this.#isSending[node] = 0
    this.sentBytes[node]! += bytes
  }

  clear(node: number): void {
    this.#queues[node]!.length = 0
    this.#heads[node] = 0
  }
}
