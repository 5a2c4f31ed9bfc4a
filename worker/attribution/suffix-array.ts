/**
 * Suffix arrays in linear time: SA-IS by induced sorting (Nong, Zhang and Chan 2009, "Linear Suffix Array Construction by
 * Almost Pure Induced-Sorting"). Linear on hostile texts as well, which sorting by comparison is not.
 */

/**
 * The starts of all suffixes of `text`, in the order of the suffixes; a suffix that is the beginning of another stands
 * before it. Symbols are 0 .. symbols - 1. Memory: about 4 · (4 + symbols / length) bytes a symbol beside the text.
 */
export function suffixArray(text: Int32Array, symbols: number): Int32Array {
  const n = text.length
  if (n < 2) return new Int32Array(n)
  const kinds = suffixKinds(text)
  const buckets = bucketBounds(text, kinds, symbols)
  const marked = leftmostSmaller(kinds)
  const array = new Int32Array(n)
  induce(array, text, kinds, buckets, marked)
  if (marked.length === 0) return array
  const sorted = sortMarked(array, text, kinds, marked)
  induce(array, text, kinds, buckets, sorted)
  return array
}

/** 1 where the suffix is smaller than the next one ("S"), 0 where it is greater ("L"). */
function suffixKinds(text: Int32Array): Uint8Array {
  const kinds = new Uint8Array(text.length)
  for (let i = text.length - 2; i >= 0; i--) {
    const here = text[i]!
    const next = text[i + 1]!
    kinds[i] = here === next ? kinds[i + 1]! : here < next ? 1 : 0
  }
  return kinds
}

interface Buckets {
  /** First place of each symbol's L suffixes, which stand before its S suffixes; one more entry at the end. */
  readonly greater: Int32Array
  /** First place of each symbol's S suffixes. */
  readonly smaller: Int32Array
}

function bucketBounds(text: Int32Array, kinds: Uint8Array, symbols: number): Buckets {
  const greater = new Int32Array(symbols + 1)
  const smaller = new Int32Array(symbols + 1)
  for (let i = 0; i < text.length; i++) {
    if (kinds[i] === 1) smaller[text[i]!]! += 1
    else greater[text[i]!]! += 1
  }
  for (let symbol = 0, total = 0; symbol <= symbols; symbol++) {
    const greaterCount = greater[symbol]!
    const smallerCount = smaller[symbol]!
    greater[symbol] = total
    smaller[symbol] = total + greaterCount
    total += greaterCount + smallerCount
  }
  return { greater, smaller }
}

/** Positions of S suffixes that follow an L suffix ("LMS"), ascending. */
function leftmostSmaller(kinds: Uint8Array): Int32Array {
  let count = 0
  for (let i = 1; i < kinds.length; i++) count += kinds[i]! & (kinds[i - 1]! ^ 1)
  const positions = new Int32Array(count)
  for (let i = 1, at = 0; i < kinds.length; i++) {
    if (kinds[i] === 1 && kinds[i - 1] === 0) positions[at++] = i
  }
  return positions
}

/** Fills `array` from the marked suffixes in the order given: L suffixes from left to right, then S from right to left. */
function induce(
  array: Int32Array,
  text: Int32Array,
  kinds: Uint8Array,
  { greater, smaller }: Buckets,
  marked: Int32Array,
): void {
  const n = text.length
  array.fill(-1)
  let next = smaller.slice()
  for (let i = 0; i < marked.length; i++) {
    const position = marked[i]!
    const symbol = text[position]!
    array[next[symbol]!] = position
    next[symbol]! += 1
  }
  next = greater.slice()
  const last = text[n - 1]!
  array[next[last]!] = n - 1
  next[last]! += 1
  for (let i = 0; i < n; i++) {
    const before = array[i]! - 1
    if (before < 0 || kinds[before] === 1) continue
    const symbol = text[before]!
    array[next[symbol]!] = before
    next[symbol]! += 1
  }
  next = greater.slice()
  for (let i = n - 1; i >= 0; i--) {
    const before = array[i]! - 1
    if (before < 0 || kinds[before] === 0) continue
    const symbol = text[before]! + 1
    const place = next[symbol]! - 1
    next[symbol] = place
    array[place] = before
  }
}

/** The marked suffixes in their order: names for the stretches between them, and the order of the text of names. */
function sortMarked(
  array: Int32Array,
  text: Int32Array,
  kinds: Uint8Array,
  marked: Int32Array,
): Int32Array {
  const { names, count } = nameStretches(array, text, kinds, marked)
  const order = count === marked.length ? inverse(names) : suffixArray(names, count)
  for (let i = 0; i < order.length; i++) order[i] = marked[order[i]!]!
  return order
}

/** Numbers the stretches from one marked position to the next by their order; equal stretches get one number. */
function nameStretches(
  array: Int32Array,
  text: Int32Array,
  kinds: Uint8Array,
  marked: Int32Array,
): { names: Int32Array; count: number } {
  const n = text.length
  const placeOf = new Int32Array(n).fill(-1)
  for (let i = 0; i < marked.length; i++) placeOf[marked[i]!] = i
  const endOf = (place: number): number => (place + 1 < marked.length ? marked[place + 1]! : n)
  const names = new Int32Array(marked.length)
  let count = 0
  let previous = -1
  for (let i = 0; i < n; i++) {
    const position = array[i]!
    const place = kinds[position] === 1 ? placeOf[position]! : -1
    if (place < 0) continue
    const same =
      previous >= 0 && sameStretch(text, marked[previous]!, endOf(previous), position, endOf(place))
    if (!same) count += 1
    names[place] = count - 1
    previous = place
  }
  return { names, count }
}

/** True where the stretches hold the same symbols, the first of the next stretch included. */
function sameStretch(
  text: Int32Array,
  left: number,
  leftEnd: number,
  right: number,
  rightEnd: number,
): boolean {
  if (leftEnd - left !== rightEnd - right) return false
  // Behind the last stretch there is no symbol, so it is like no other.
  for (let i = 0; i <= leftEnd - left; i++) {
    if (text[left + i] !== text[right + i]) return false
  }
  return true
}

function inverse(names: Int32Array): Int32Array {
  const order = new Int32Array(names.length)
  for (let i = 0; i < names.length; i++) order[names[i]!] = i
  return order
}
