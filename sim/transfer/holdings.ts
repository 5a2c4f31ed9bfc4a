/** Which block each node has, and where it stands with those that it has not. */
import { blocksOf, fileBytesOf, type TransferScenario } from './scenario.ts'

/** Of a block: not asked for, had, asked of all, or coming in. From 0 on it is the link that it was asked along. */
export const MISSING = -1
const HAD = -2
export const ASKED_OF_ALL = -3
export const COMING = -4

export class Holdings {
  readonly blocks: number
  /** By node, then block. */
  readonly #via: Int32Array
  /** Neighbours that have the block, as far as the node still deals with them. */
  readonly near: Uint16Array
  /** By node: blocks that it has, and blocks that it waits for. */
  readonly had: Int32Array
  readonly awaited: Int32Array
  /** No block below this one is missing. */
  readonly #lowest: Int32Array
  readonly #blockBytes: number
  readonly #lastBytes: number

  constructor(scenario: TransferScenario) {
    const { nodes, blockKiB } = scenario
    this.blocks = blocksOf(scenario)
    this.#via = new Int32Array(nodes * this.blocks).fill(MISSING)
    this.near = new Uint16Array(nodes * this.blocks)
    this.had = new Int32Array(nodes)
    this.awaited = new Int32Array(nodes)
    this.#lowest = new Int32Array(nodes)
    this.#blockBytes = 1024 * blockKiB
    this.#lastBytes = fileBytesOf(scenario) - (this.blocks - 1) * this.#blockBytes
  }

  bytesOf(block: number): number {
    return block === this.blocks - 1 ? this.#lastBytes : this.#blockBytes
  }

  viaOf(node: number, block: number): number {
    return this.#via[node * this.blocks + block]!
  }

  has(node: number, block: number): boolean {
    return this.viaOf(node, block) === HAD
  }

  isWhole(node: number): boolean {
    return this.had[node] === this.blocks
  }

  /** Has all of it, or pretends to. */
  fill(node: number): void {
    this.#via.fill(HAD, node * this.blocks, (node + 1) * this.blocks)
    this.had[node] = this.blocks
  }

  /** @param via a link, or `ASKED_OF_ALL` */
  await(node: number, block: number, via: number): void {
    this.#via[node * this.blocks + block] = via
    this.awaited[node]! += 1
  }

  /** It has reached the node's own line. */
  come(node: number, block: number): void {
    this.#via[node * this.blocks + block] = COMING
  }

  /** It will not come from where it was asked. */
  forgo(node: number, block: number): void {
    this.#via[node * this.blocks + block] = MISSING
    this.awaited[node]! -= 1
    this.#lowest[node] = Math.min(this.#lowest[node]!, block)
  }

  take(node: number, block: number): void {
    const cell = node * this.blocks + block
    if (this.#via[cell] !== MISSING) this.awaited[node]! -= 1
    this.#via[cell] = HAD
    this.had[node]! += 1
  }

  /** The first missing block from this one on, and around, that a neighbour has or need not have; -1 where there is none. */
  next(node: number, from: number, mustBeNear: boolean): number {
    const start = node * this.blocks
    for (let step = 0; step < this.blocks; step++) {
      const block = (from + step) % this.blocks
      const cell = start + block
      if (this.#via[cell] === MISSING && (!mustBeNear || this.near[cell]! > 0)) return block
    }
    return -1
  }

  /** The first block that is missing, or that comes after all that were asked for. */
  lowestMissing(node: number): number {
    const start = node * this.blocks
    let block = this.#lowest[node]!
    while (block < this.blocks && this.#via[start + block] !== MISSING) block += 1
    this.#lowest[node] = block
    return block % this.blocks
  }
}
