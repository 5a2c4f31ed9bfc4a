/**
 * Keys and values of texts under way, as the serving graph takes them: for each layer (B, G, C, D), where C is the room of
 * each text. They stay here; each run brings only the new ones. The first rows are one run of memory, so that a batch of
 * any size is fed without a copy.
 */
import type { ModelConfig } from './model-config.ts'
import type { Feed } from './session.ts'

/** Room grows by so many tokens: a step of the copying against columns computed for nothing. */
const ROOM_STEP = 64

/** New keys and values as the graph gives them: (layers, B, G, T, D). */
export interface NewKeyValues {
  readonly k: Float32Array
  readonly v: Float32Array
}

/** Room that texts of up to `tokens` tokens take: never none, since the graph must have a past to mask. */
export function roomFor(tokens: number): number {
  return Math.max(1, Math.ceil(tokens / ROOM_STEP) * ROOM_STEP)
}

/** Rows for which memory is taken: a power of two, so that joining texts seldom move the others. */
export function rowsFor(texts: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, texts)))
}

/** What is held, where that is enough and with `slack` at most twice as much; else what is wanted. */
export function withSlack(held: number, wanted: number, slack: boolean): number {
  return slack && held >= wanted && held <= 2 * wanted ? held : wanted
}

/** Bytes of keys and values of a batch. */
export function keyValueBytes(config: ModelConfig, rows: number, room: number): number {
  return 8 * config.layers * rows * room * config.keyValueHeads * config.headSize
}

export class KeyValues {
  readonly #config: ModelConfig
  /** Two for each layer: keys, values. */
  #parts: Float32Array[] = []
  #rows = 0
  #room = 0

  constructor(config: ModelConfig, rows: number, tokens: number) {
    this.#config = config
    this.reserve(rows, tokens)
  }

  get room(): number {
    return this.#room
  }

  get bytes(): number {
    return keyValueBytes(this.#config, this.#rows, this.#room)
  }

  /**
   * Takes or gives back memory, so that it is right for this many rows and tokens; what fits is kept. With `slack` up to
   * twice the rows and twice the room stay as they are, so that texts that come and go do not move the others each time.
   */
  reserve(rows: number, tokens: number, slack = false): void {
    const { layers, keyValueHeads } = this.#config
    const wantedRows = withSlack(this.#rows, rowsFor(rows), slack)
    const wantedRoom = withSlack(this.#room, roomFor(tokens), slack)
    if (wantedRows === this.#rows && wantedRoom === this.#room) return
    const [heads, from, to] = [keyValueHeads, this.#room * this.#size, wantedRoom * this.#size]
    const kept = Math.min(this.#rows, wantedRows) * heads
    for (let index = 0; index < 2 * layers; index++) {
      const grown = new Float32Array(wantedRows * heads * to)
      const old = this.#parts[index]
      for (let run = 0; old !== undefined && run < kept; run++) {
        grown.set(old.subarray(run * from, run * from + Math.min(from, to)), run * to)
      }
      // One layer after the other, so that there are never two copies of the whole.
      this.#parts[index] = grown
    }
    this.#rows = wantedRows
    this.#room = wantedRoom
  }

  /** Adds what a run gave for its row `source` of `sources` behind the first `length` tokens of `row`. */
  append(row: number, length: number, fresh: NewKeyValues, source: number, sources: number): void {
    const { layers, keyValueHeads: heads } = this.#config
    const each = fresh.k.length / (layers * sources * heads)
    for (let layer = 0; layer < layers; layer++) {
      for (let head = 0; head < heads; head++) {
        const from = ((layer * sources + source) * heads + head) * each
        const to = this.#start(row, head) + length * this.#size
        this.#parts[2 * layer]!.set(fresh.k.subarray(from, from + each), to)
        this.#parts[2 * layer + 1]!.set(fresh.v.subarray(from, from + each), to)
      }
    }
  }

  /**
   * Takes over the first `length` tokens of another's row. The rest is zeroed: what is masked counts nothing, but nothing
   * times a NaN of an earlier text would be a NaN.
   */
  copyRow(row: number, from: KeyValues, fromRow: number, length: number): void {
    const filled = length * this.#size
    for (const [index, part] of this.#parts.entries()) {
      for (let head = 0; head < this.#config.keyValueHeads; head++) {
        const [to, start] = [this.#start(row, head), from.#start(fromRow, head)]
        part.set(from.#parts[index]!.subarray(start, start + filled), to)
        part.fill(0, to + filled, to + this.#room * this.#size)
      }
    }
  }

  /** The first rows, as inputs of the graph. */
  feeds(rows: number): Record<string, Feed> {
    const { keyValueHeads, headSize } = this.#config
    const shape = [rows, keyValueHeads, this.#room, headSize]
    const length = rows * keyValueHeads * this.#room * headSize
    return Object.fromEntries(
      this.#parts.map((part, index) => [
        `past.${index >> 1}.${index % 2 === 0 ? 'k' : 'v'}`,
        { data: part.subarray(0, length), shape },
      ]),
    )
  }

  get #size(): number {
    return this.#config.headSize
  }

  #start(row: number, head: number): number {
    return (row * this.#config.keyValueHeads + head) * this.#room * this.#size
  }
}
