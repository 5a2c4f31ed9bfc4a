/**
 * Keys and values of texts under way, as the serving graph takes them: for each layer (B, G, C, D), where C is the room of
 * each text. They stay here; each run brings only the new ones. The first rows are one run of memory, so that a batch of
 * any size is fed without a copy.
 */
import type { ModelConfig } from '../families/model-config.ts'
import type { Feed, Succession } from '../session.ts'

/** Room grows by so many tokens: moving all rows each time, against columns that are computed for nothing. */
const ROOM_STEP = 32

/** New keys and values as the graph gives them: (layers, B, G, T, D). */
export interface NewKeyValues {
  readonly k: Float32Array
  readonly v: Float32Array
}

/** What a run of the serving graph gave of them. */
export function newKeyValues(outputs: Readonly<Record<string, Float32Array>>): NewKeyValues {
  return { k: outputs['new.k']!, v: outputs['new.v']! }
}

/** The graph's input of a layer's past keys or values. */
export function pastName(layer: number, part: 'k' | 'v'): string {
  return `past.${layer}.${part}`
}

/** The output of that past with a token more. */
export function grownName(past: string): string {
  return `grown.${past}`
}

/** All outputs of that kind. */
export function grownNames({ layers }: ModelConfig): string[] {
  const numbers = Array.from({ length: layers }, (_, layer) => layer)
  return numbers.flatMap((layer) => [
    grownName(pastName(layer, 'k')),
    grownName(pastName(layer, 'v')),
  ])
}

/** Room that texts of up to `tokens` tokens take: never none, since the graph must have a past to mask. */
export function roomFor(tokens: number): number {
  return Math.max(1, Math.ceil(tokens / ROOM_STEP) * ROOM_STEP)
}

/** Rows for which memory is taken: a power of two, so that joining texts seldom move the others. */
export function rowsFor(texts: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, texts)))
}

/** Bytes of keys and values of a batch. */
export function keyValueBytes(config: ModelConfig, rows: number, room: number): number {
  return 8 * config.layers * rows * room * config.keyValueHeads * config.headSize
}

export class KeyValues {
  readonly #config: ModelConfig
  /** Two for each layer: keys, values. Longer than what is in use, where more will be needed. */
  #parts: Float32Array[]
  #rows = 0
  #room = 0
  /** What is fed as constant, until something in it changes. */
  #kept: { readonly rows: number; readonly feeds: Record<string, Feed> } | undefined

  constructor(config: ModelConfig, rows: number, tokens: number) {
    this.#config = config
    this.#parts = Array.from({ length: 2 * config.layers }, () => new Float32Array())
    this.reserve(rows, tokens)
  }

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.byteLength, 0)
  }

  /**
   * Makes room for `tokens` tokens in each of `rows` rows, and keeps what lies in them. Memory is taken at once for the
   * `longest` that the rows will be, so that growing only moves what is there; pages that nobody has written cost nothing.
   * With `slack` memory is given back only where four times as much is held.
   */
  reserve(rows: number, tokens: number, longest = tokens, slack = false): void {
    const run = this.#config.keyValueHeads * this.#config.headSize
    const wanted = rowsFor(rows) * roomFor(longest) * run
    const room = roomFor(tokens)
    const held = this.#parts[0]!.length
    const renew = held < wanted || held > (slack ? 4 : 1) * wanted
    if (renew || room > this.#room || 2 * room <= this.#room) {
      this.#kept = undefined
      const kept = Math.min(this.#rows, rows) * this.#config.keyValueHeads
      const [from, to] = [this.#room * this.#config.headSize, room * this.#config.headSize]
      for (const [index, part] of this.#parts.entries()) {
        // One part after the other, so that there are never two copies of the whole.
        if (renew) this.#parts[index] = moved(part, new Float32Array(wanted), kept, from, to)
        else spread(part, kept, from, to)
      }
      this.#room = room
    }
    this.#rows = rows
  }

  /** Adds what a run gave for its row `source` of `sources` behind the first `length` tokens of `row`. */
  append(row: number, length: number, fresh: NewKeyValues, source: number, sources: number): void {
    this.#kept = undefined
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
    this.#kept = undefined
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
  feeds(rows: number, constant = false): Record<string, Feed> {
    const { keyValueHeads, headSize } = this.#config
    const shape = [rows, keyValueHeads, this.#room, headSize]
    const length = rows * keyValueHeads * this.#room * headSize
    return Object.fromEntries(
      this.#parts.map((part, index) => [
        pastName(index >> 1, index % 2 === 0 ? 'k' : 'v'),
        { data: part.subarray(0, length), shape, constant },
      ]),
    )
  }

  /**
   * The first rows for a run that gives each of them one token more, and what follows on them in a provider's memory: once
   * all is appended, `settle` says so, and the next run is fed what has grown there. Whatever else changes ends that.
   */
  growing(rows: number) {
    if (this.#kept?.rows !== rows) this.#kept = { rows, feeds: this.feeds(rows, true) }
    const { feeds } = this.#kept
    const next = this.feeds(rows, true)
    const successions = Object.entries(feeds).map(([name, from]): Succession => {
      return { output: grownName(name), from, to: next[name]! }
    })
    const settle = (): void => {
      this.#kept = { rows, feeds: next }
    }
    return { feeds, successions, settle }
  }

  get #size(): number {
    return this.#config.headSize
  }

  #start(row: number, head: number): number {
    return (row * this.#config.keyValueHeads + head) * this.#room * this.#size
  }
}

/** Copies runs of `from` numbers to where runs of `to` numbers lie. */
function moved(
  source: Float32Array,
  target: Float32Array,
  runs: number,
  from: number,
  to: number,
): Float32Array {
  for (let run = 0; run < runs; run++) {
    target.set(source.subarray(run * from, run * from + Math.min(from, to)), run * to)
  }
  return target
}

/** The same within one array; the new ends of longer runs are zeros. */
function spread(part: Float32Array, runs: number, from: number, to: number): void {
  for (let index = 0; index < runs; index++) {
    // Longer runs move last run first, shorter ones first run first, so that none is overwritten before its turn.
    const run = to > from ? runs - 1 - index : index
    part.copyWithin(run * to, run * from, run * from + Math.min(from, to))
    if (to > from) part.fill(0, run * to + from, (run + 1) * to)
  }
}
