/**
 * Plain values as JSON text, exactly: bigints, bytes and the numbers that JSON has no words for come back as they were. Keys
 * are sorted and what is undefined is left out, so equal values have equal texts, and a text may stand for its value in a
 * hash.
 */
import { fromHex, toHex } from '../protocol/hash.ts'

/** How deep values may lie within one another: facts, duties and batches lie six deep at the most. */
const MOST_DEPTH = 32
const ODD_NUMBERS = [
  Number.NaN,
  -0,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
] as readonly number[]

/** Marks an object as something that JSON has not; no key of ours begins so. */
const MARK = '$'

/** @throws TypeError on what is no plain value, such as a function or a Map */
export function toText(value: unknown): string {
  return JSON.stringify(plain(value, 0))
}

function plain(value: unknown, depth: number): unknown {
  if (depth > MOST_DEPTH) throw new TypeError(`values lie more than ${MOST_DEPTH} deep`)
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number': {
      const odd = ODD_NUMBERS.findIndex((number) => Object.is(number, value))
      return odd < 0 ? value : { $number: odd }
    }
    case 'bigint':
      return { $bigint: value.toString() }
    case 'object':
      return value === null ? null : composite(value, depth)
    default:
      throw new TypeError(`a ${typeof value} is no plain value`)
  }
}

function composite(value: object, depth: number): unknown {
  if (value instanceof Uint8Array) return { $bytes: toHex(value).slice(2) }
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`a ${value.constructor.name} is no plain value`)
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  for (const [key] of fields) {
    if (key.startsWith(MARK)) throw new TypeError(`no key may begin with ${MARK}, as ${key} does`)
  }
  // By code units: the same on every machine.
  fields.sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(fields.map(([key, field]) => [key, plain(field, depth + 1)]))
}

/** @throws SyntaxError where it is no text that `toText` could have given */
export function fromText(text: string): unknown {
  return exact(JSON.parse(text), 0)
}

function exact(value: unknown, depth: number): unknown {
  if (depth > MOST_DEPTH) throw new SyntaxError(`values lie more than ${MOST_DEPTH} deep`)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => exact(item, depth + 1))
  const fields = Object.entries(value)
  const [first] = fields
  if (first?.[0].startsWith(MARK)) {
    if (fields.length === 1) return marked(...first)
    throw new SyntaxError(`${first[0]} stands with other keys`)
  }
  return Object.fromEntries(fields.map(([key, field]) => [key, exact(field, depth + 1)]))
}

function marked(mark: string, content: unknown): unknown {
  if (mark === '$bigint' && typeof content === 'string' && BIGINT.test(content)) {
    return BigInt(content)
  }
  if (mark === '$bytes' && typeof content === 'string' && BYTES.test(content)) {
    return fromHex(content)
  }
  if (mark === '$number' && typeof content === 'number' && content in ODD_NUMBERS) {
    return ODD_NUMBERS[content]
  }
  throw new SyntaxError(`${mark} has no such content`)
}

const BIGINT = /^(0|-?[1-9]\d{0,100})$/
const BYTES = /^([0-9a-f]{2})*$/
