/** Numbers of two bytes: IEEE 754 half precision (float16) and brain floats (bfloat16), to and from float32. */
import { EngineError } from '../errors.ts'
import type { Dtype } from './safetensors.ts'

/** Little-endian bytes of a tensor as float32. Throws `EngineError` (`bad-file`) for a type that is no float. */
export function float32From(bytes: Uint8Array, dtype: Dtype): Float32Array {
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
    throw new EngineError('bad-file', `a tensor of ${dtype} was given where floats were expected`)
  }
  // A copy: the bytes of a tensor may begin at any address. (A Buffer's own slice() would not copy.)
  const { buffer } = new Uint8Array(bytes)
  if (dtype === 'F32') return new Float32Array(buffer)
  const words = new Uint16Array(buffer)
  return dtype === 'F16' ? fromHalves(words) : fromBrain(words)
}

/** The value of each float16 there is, once that is asked for: looking it up takes a hundredth of the time. */
let halves: Float32Array | undefined

function fromHalves(words: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, word) => fromHalf(word))
  const values = new Float32Array(words.length)
  for (let i = 0; i < words.length; i++) values[i] = halves[words[i]!]!
  return values
}

/** The value of a float16: sign, 5 bits of exponent, 10 of fraction. */
function fromHalf(word: number): number {
  const sign = word & 0x8000 ? -1 : 1
  const exponent = (word >> 10) & 0x1f
  const fraction = word & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** A bfloat16 is the upper half of a float32. */
function fromBrain(words: Uint16Array): Float32Array {
  const bits = new Uint32Array(words.length)
  for (let i = 0; i < words.length; i++) bits[i] = words[i]! << 16
  return new Float32Array(bits.buffer)
}
