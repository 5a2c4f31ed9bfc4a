/**
 * Logarithms in integers. ECMAScript leaves `Math.log` to the engine, and Solidity has none: what two machines and a
 * contract must agree on to the last bit is reckoned here, in fixed point with 64 fractional bits ("Q64").
 */

/** ln 2 in Q64, rounded down. */
const LN2 = 12786308645202655659n
const FRACTION_BITS = 64n
const ONE = 1n << FRACTION_BITS

/**
 * log2 of a positive integer, in Q64: the whole part from the bit length, the fraction bit by bit by squaring.
 * Squares are cut to 127 bits, so the last few bits are not those of the true logarithm; they are the same everywhere.
 */
function log2(value: bigint): bigint {
  if (value <= 0n) throw new RangeError(`log2 needs a positive integer, not ${value}`)
  const whole = bitLength(value) - 1n
  let mantissa = whole > 127n ? value >> (whole - 127n) : value << (127n - whole)
  let result = whole << FRACTION_BITS
  for (let bit = FRACTION_BITS - 1n; bit >= 0n; bit--) {
    mantissa = (mantissa * mantissa) >> 127n
    if (mantissa >> 128n === 0n) continue
    mantissa >>= 1n
    result |= 1n << bit
  }
  return result
}

/** -ln(numerator / 2^bits) in Q64, for 0 < numerator <= 2^bits: never negative. */
export function negativeLn(numerator: bigint, bits: bigint): bigint {
  return (((bits << FRACTION_BITS) - log2(numerator)) * LN2) >> FRACTION_BITS
}

/** ln of a positive Q64 number, in Q64; negative below one. */
export function lnQ64(value: bigint): bigint {
  return ((log2(value) - (FRACTION_BITS << FRACTION_BITS)) * LN2) / ONE
}

function bitLength(value: bigint): bigint {
  return BigInt(value.toString(2).length)
}
