/**
 * Tells vectors that cannot point the same way from those that may, in a twentieth of the time of a product: signs of random
 * projections agree as often as the angle between two vectors is small (SimHash, Charikar 2002), whatever their coordinates are
 * like. The projections are a fold to few numbers, then twice a change of random signs and a Walsh–Hadamard transform, after which
 * a vector of one great coordinate looks as any other. All in whole numbers, so it comes out the same everywhere.
 */
import { keccak, utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'

/** Signs of a vector: a power of two. */
const SIGNS = 2048
export const SIGN_WORDS = SIGNS / 32

/** Two vectors of cosine c differ in a share of 1/2 - c / π of all places, or less, give or take 0.5 / √numbers: four times that is left. */
const SLACK = 2

/** In how many places signs of two vectors of this width and cosine, or a greater one, differ at the most, but for great bad luck. */
export function mostDiffering(cosine: number, width: number): number {
  const differ = 0.5 - Math.min(1, cosine) / Math.PI
  return Math.ceil(SIGNS * (differ + SLACK / Math.sqrt(Math.min(width, SIGNS))))
}

/** Makes signs of vectors (width), a bit each in `SIGN_WORDS` numbers. */
export function createSimHash(width: number): (values: Int8Array) => Int32Array {
  const source = random(keccak(utf8('simhash')), `${width}`)
  const drawn = (length: number): Int8Array =>
    Int8Array.from({ length }, () => (source.below(2) === 0 ? 1 : -1))
  const [first, second] = [drawn(width), drawn(SIGNS)]
  const work = new Int32Array(SIGNS)
  return (values) => {
    work.fill(0)
    for (let i = 0; i < width; i++) work[i % SIGNS]! += first[i]! * values[i]!
    transform(work)
    for (let i = 0; i < SIGNS; i++) work[i]! *= second[i]!
    transform(work)
    const signs = new Int32Array(SIGN_WORDS)
    for (let i = 0; i < SIGNS; i++) if (work[i]! < 0) signs[i >> 5]! |= 1 << (i & 31)
    return signs
  }
}

/** The Walsh–Hadamard transform in place. Two of them over a fold of 100 int8 fit into an int32. */
function transform(values: Int32Array): void {
  for (let half = 1; half < values.length; half *= 2) {
    for (let from = 0; from < values.length; from += 2 * half) {
      for (let i = from; i < from + half; i++) {
        const [a, b] = [values[i]!, values[i + half]!]
        values[i] = a + b
        values[i + half] = a - b
      }
    }
  }
}

/** Bits that are set in each number of 16. */
const ONES = new Uint8Array(2 ** 16)
for (let i = 1; i < ONES.length; i++) ONES[i] = ONES[i >> 1]! + (i & 1)

/** Places in which signs differ from those of `all` from a word on. */
export function differing(signs: Int32Array, all: Int32Array, from: number): number {
  let count = 0
  for (let i = 0; i < signs.length; i++) {
    const differ = signs[i]! ^ all[from + i]!
    count += ONES[differ & 0xffff]! + ONES[differ >>> 16]!
  }
  return count
}
