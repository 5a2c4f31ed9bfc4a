/**
 * Records in an array of words: a key, a sequence, and four words of what it is about. Among records of one bucket the
 * key holds the time in the bucket and, below it, the source.
 */
export const RECORD_WORDS = 6

/** Up to as many records are put in order by insertion. */
const RUN = 12

/** Whether the record at `a` comes before the one at `b`. */
export function precedes(words: Int32Array, a: number, b: number): boolean {
  const keyA = words[a]!
  const keyB = words[b]!
  return keyA === keyB ? words[a + 1]! >>> 0 < words[b + 1]! >>> 0 : keyA < keyB
}

let scratch: Int32Array = new Int32Array(256)

/** Puts the first `count` addresses in the order of their records: short runs by insertion, then merged. */
export function orderRecords(words: Int32Array, order: Int32Array, count: number): void {
  for (let from = 0; from < count; from += RUN) {
    insertionSort(words, order, from, Math.min(from + RUN, count))
  }
  if (count <= RUN) return
  if (scratch.length < count) scratch = new Int32Array(2 * count)
  let source = order
  let target: Int32Array = scratch
  for (let width = RUN; width < count; width *= 2) {
    for (let from = 0; from < count; from += 2 * width) {
      merge(words, source, target, from, Math.min(from + width, count), from + 2 * width, count)
    }
    const held = source
    source = target
    target = held
  }
  if (source !== order) order.set(source.subarray(0, count))
}

function insertionSort(words: Int32Array, order: Int32Array, from: number, end: number): void {
  for (let i = from + 1; i < end; i++) {
    const at = order[i]!
    let place = i
    while (place > from && precedes(words, at, order[place - 1]!)) {
      order[place] = order[place - 1]!
      place -= 1
    }
    order[place] = at
  }
}

/** Merges the runs [from, middle) and [middle, end), none of which reaches beyond `count`. */
function merge(
  words: Int32Array,
  source: Int32Array,
  target: Int32Array,
  from: number,
  middle: number,
  unboundedEnd: number,
  count: number,
): void {
  const end = Math.min(unboundedEnd, count)
  let left = from
  let right = middle
  for (let place = from; place < end; place++) {
    const takesLeft =
      right >= end || (left < middle && !precedes(words, source[right]!, source[left]!))
    target[place] = takesLeft ? source[left++]! : source[right++]!
  }
}
