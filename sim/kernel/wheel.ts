/**
 * What is to happen, as records of numbers in the order (time, source, the source's own sequence). Time is whole
 * microseconds. A timing wheel: buckets of 128 µs, each a chain of small chunks that are written and read from front to
 * back, so that a push touches one line of memory. Only the bucket in hand is ordered; what lies beyond the wheel waits
 * in a heap.
 */
import { Overflow } from './overflow.ts'
import { orderRecords, precedes, RECORD_WORDS } from './records.ts'

const BUCKET_BITS = 7
/** 2^15 buckets of 128 µs reach 4.2 s ahead: heartbeats and messages; only long waits go to the heap. */
const DEFAULT_BUCKETS = 32_768
/** Time in the bucket lies above 24 bits of source. */
const SOURCE_BITS = 24
export const MOST_SOURCES = 2 ** SOURCE_BITS

/** 512 bytes: the next chunk's address, 21 records, a word to spare. */
const CHUNK_BITS = 7
const CHUNK_WORDS = 1 << CHUNK_BITS
const FIRST_RECORD = 1
const LAST_RECORD = CHUNK_WORDS - RECORD_WORDS
/** No chunk begins at address 0, so 0 means none. */
const NONE = 0

export class Wheel {
  /** Time of the record in hand, or up to which there was none, in microseconds. */
  nowUs = 0
  /** The record in hand: who caused it, which of its causes it was, and what it is about. */
  source = 0
  sequence = 0
  target = 0
  kind = 0
  a = 0
  b = 0
  /** Records that wait. */
  size = 0

  readonly #mask: number
  readonly #horizonUs: number
  /** Address of each bucket's first chunk, and where its next record goes. */
  readonly #heads: Int32Array
  readonly #tails: Int32Array
  /** One bit a bucket that holds something. */
  readonly #occupied: Int32Array
  readonly #far = new Overflow()
  #words = new Int32Array(64 * CHUNK_WORDS)
  #freeChunk = NONE
  /** Chunk 0 is none. */
  #unusedChunk = CHUNK_WORDS
  /** The bucket in hand: its number, its time, and the addresses of its records in order. */
  #bucket = 0
  #startUs = 0
  #order = new Int32Array(256)
  #count = 0
  #cursor = 0

  /** @param buckets a power of two from 32 on: how far the wheel reaches, in 128 µs. */
  constructor(buckets = DEFAULT_BUCKETS) {
    if (buckets < 32 || (buckets & (buckets - 1)) !== 0) {
      throw new RangeError(`a wheel of ${buckets} buckets; take a power of two from 32 on`)
    }
    this.#mask = buckets - 1
    this.#horizonUs = buckets << BUCKET_BITS
    this.#heads = new Int32Array(buckets)
    this.#tails = new Int32Array(buckets)
    this.#occupied = new Int32Array(buckets >> 5)
  }

  /** Room for records, in bytes: it grows with the most that ever waited, and not with time. */
  get bytes(): number {
    return this.#words.byteLength
  }

  /**
   * @param atUs whole microseconds, not before `nowUs` nor after 2^53
   * @param source 0 .. 2^24 - 1
   * @param sequence 0 .. 2^32 - 1, rising with each push of this source
   * @param target and `kind`, `a`, `b`: 32 bits each, for whoever reads them
   */
  push(
    atUs: number,
    source: number,
    sequence: number,
    target: number,
    kind: number,
    a: number,
    b: number,
  ): void {
    const aheadUs = atUs - this.#startUs
    // So put, it refuses NaN too, which is in no order with anything.
    if (!(atUs >= this.nowUs && atUs <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`an event is set for ${atUs} µs when it is ${this.nowUs} µs already`)
    }
    this.size += 1
    if (aheadUs >= this.#horizonUs) {
      this.#far.push(atUs, source, sequence, target, kind, a, b)
      return
    }
    const bucket = (this.#bucket + (aheadUs >> BUCKET_BITS)) & this.#mask
    const at = this.#place(bucket)
    const words = this.#words
    words[at] = ((aheadUs & ((1 << BUCKET_BITS) - 1)) << SOURCE_BITS) | source
    words[at + 1] = sequence
    words[at + 2] = target
    words[at + 3] = kind
    words[at + 4] = a
    words[at + 5] = b
    if (bucket === this.#bucket) this.#insert(at)
  }

  /** Takes the next record in hand. Where none is due by `untilUs` it is that time then, and the answer is false. */
  next(untilUs = Number.POSITIVE_INFINITY): boolean {
    while (this.#cursor === this.#count) if (!this.#advance(untilUs)) return this.#pass(untilUs)
    const words = this.#words
    const at = this.#order[this.#cursor]!
    const key = words[at]!
    const atUs = this.#startUs + (key >>> SOURCE_BITS)
    if (atUs > untilUs) return this.#pass(untilUs)
    this.#cursor += 1
    this.size -= 1
    this.nowUs = atUs
    this.source = key & (MOST_SOURCES - 1)
    this.sequence = words[at + 1]! >>> 0
    this.target = words[at + 2]!
    this.kind = words[at + 3]!
    this.a = words[at + 4]!
    this.b = words[at + 5]!
    return true
  }

  /** How many records stand in order after the one in hand; what is pushed may come between them yet. */
  get ordered(): number {
    return this.#count - this.#cursor
  }

  /** Target of one of these, of which 0 is the next. */
  targetOf(ahead: number): number {
    return this.#words[this.#order[this.#cursor + ahead]! + 2]!
  }

  kindOf(ahead: number): number {
    return this.#words[this.#order[this.#cursor + ahead]! + 3]!
  }

  /** Nothing happens until then. Nothing may be set for earlier any more, for the wheel may have turned already. */
  #pass(untilUs: number): false {
    if (untilUs > this.nowUs && untilUs !== Number.POSITIVE_INFINITY) this.nowUs = untilUs
    return false
  }

  /** Where the next record of a bucket is written; a bucket's first chunk is made for it. */
  #place(bucket: number): number {
    const tail = this.#tails[bucket]!
    if (tail !== NONE && (tail & (CHUNK_WORDS - 1)) <= LAST_RECORD) {
      this.#tails[bucket] = tail + RECORD_WORDS
      return tail
    }
    const chunk = this.#newChunk()
    if (tail === NONE) {
      this.#heads[bucket] = chunk
      this.#occupied[bucket >> 5]! |= 1 << (bucket & 31)
    } else {
      this.#words[(tail - 1) & -CHUNK_WORDS] = chunk
    }
    this.#tails[bucket] = chunk + FIRST_RECORD + RECORD_WORDS
    return chunk + FIRST_RECORD
  }

  #newChunk(): number {
    let chunk = this.#freeChunk
    if (chunk !== NONE) {
      this.#freeChunk = this.#words[chunk]!
    } else {
      chunk = this.#unusedChunk
      this.#unusedChunk += CHUNK_WORDS
      if (this.#unusedChunk > this.#words.length) this.#words = grown(this.#words)
    }
    this.#words[chunk] = NONE
    return chunk
  }

  /** Puts a record of the bucket in hand where it belongs among those not taken yet. */
  #insert(at: number): void {
    if (this.#count === this.#order.length) this.#order = grown(this.#order)
    const order = this.#order
    let place = this.#count++
    while (place > this.#cursor && precedes(this.#words, at, order[place - 1]!)) {
      order[place] = order[place - 1]!
      place -= 1
    }
    order[place] = at
  }

  /** Goes to the next bucket that holds something; false where it begins after `untilUs`. */
  #advance(untilUs: number): boolean {
    this.#release()
    const inWheelUs = this.#startUs + (this.#stepsToOccupied() << BUCKET_BITS)
    const firstUs = this.size === this.#far.size ? this.#far.firstUs : inWheelUs
    const startUs = firstUs - (firstUs % (1 << BUCKET_BITS))
    if (startUs > untilUs || this.size === 0) return false
    // A wheel that is empty may jump by any number of turns: where it stands then is of no account.
    this.#bucket = (this.#bucket + (startUs - this.#startUs) / (1 << BUCKET_BITS)) & this.#mask
    this.#startUs = startUs
    this.#takeIn()
    this.#collect()
    return true
  }

  /** Moves into the wheel what has come within its reach. */
  #takeIn(): void {
    const far = this.#far
    while (far.firstUs - this.#startUs < this.#horizonUs) {
      const aheadUs = far.firstUs - this.#startUs
      const at = this.#place((this.#bucket + (aheadUs >> BUCKET_BITS)) & this.#mask)
      const key = ((aheadUs & ((1 << BUCKET_BITS) - 1)) << SOURCE_BITS) | far.source
      far.shift(this.#words, at)
      this.#words[at] = key
    }
  }

  /** Finds the records of the bucket in hand, and orders them. */
  #collect(): void {
    const end = this.#tails[this.#bucket]!
    let count = 0
    for (let chunk = this.#heads[this.#bucket]!; chunk !== NONE; chunk = this.#words[chunk]!) {
      const last = end - chunk < CHUNK_WORDS && end > chunk ? end - 1 : chunk + LAST_RECORD
      for (let at = chunk + FIRST_RECORD; at <= last; at += RECORD_WORDS) {
        if (count === this.#order.length) this.#order = grown(this.#order)
        this.#order[count++] = at
      }
    }
    this.#count = count
    this.#cursor = 0
    orderRecords(this.#words, this.#order, count)
  }

  /** Gives back the chunks of the bucket in hand, all of whose records were taken. */
  #release(): void {
    const bucket = this.#bucket
    const head = this.#heads[bucket]!
    this.#count = 0
    this.#cursor = 0
    if (head === NONE) return
    const last = (this.#tails[bucket]! - 1) & -CHUNK_WORDS
    this.#words[last] = this.#freeChunk
    this.#freeChunk = head
    this.#heads[bucket] = NONE
    this.#tails[bucket] = NONE
    this.#occupied[bucket >> 5]! &= ~(1 << (bucket & 31))
  }

  /** How many buckets on the next one lies that holds something; the bucket in hand holds nothing. */
  #stepsToOccupied(): number {
    const occupied = this.#occupied
    const from = this.#bucket
    let word = from >> 5
    let bits = occupied[word]! & (-1 << (from & 31))
    for (let looked = 0; bits === 0 && looked < occupied.length; looked++) {
      word = (word + 1) & (occupied.length - 1)
      bits = occupied[word]!
    }
    const found = (word << 5) | (31 - Math.clz32(bits & -bits))
    return (found - from) & this.#mask
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length)
  larger.set(array)
  return larger
}
