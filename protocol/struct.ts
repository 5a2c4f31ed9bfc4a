/**
 * Structs with an EIP-712 hash. Fields are declared once, in order, with `fields.ts`; from that declaration come the
 * check of what arrives, the type string and the hash that a wallet signs and a contract repeats.
 * Source: EIP-712, https://eips.ethereum.org/EIPS/eip-712.
 */
import { z } from 'zod'
import { type Address, solidityType } from './fields.ts'
import { concat, fromHex, type Hash, keccak, keccakHash, toHex, utf8, word } from './hash.ts'

/** Where a signature counts: one chain, one contract. */
export interface Domain {
  readonly chainId: number
  readonly contract: Address
}

export interface Struct<Shape extends z.ZodRawShape> {
  readonly name: string
  readonly schema: z.ZodObject<Shape, z.core.$strict>
  /** As in `Voucher(address payer,uint256 cumulativeWei)`. */
  readonly type: string
  readonly fields: readonly Field[]
}

interface Field {
  readonly name: string
  /** As Solidity names it. */
  readonly type: string
  readonly encode: Encode
}

type Encode = (value: unknown) => Uint8Array

export type ValueOf<S> =
  S extends Struct<infer Shape> ? z.output<z.ZodObject<Shape, z.core.$strict>> : never

/** Declares a struct. The order of `shape` is the order of the Solidity struct. */
export function struct<Shape extends z.ZodRawShape>(name: string, shape: Shape): Struct<Shape> {
  const fields = Object.entries(shape).map(([field, schema]) => {
    const type = solidityType(schema as z.ZodType)
    return { name: field, type, encode: encoderOf(type) }
  })
  const members = fields.map((field) => `${field.type} ${field.name}`)
  return { name, schema: z.strictObject(shape), type: `${name}(${members.join(',')})`, fields }
}

/** `hashStruct(value)`: the type's hash and one word a field. */
export function hashStruct<Shape extends z.ZodRawShape>(
  of: Struct<Shape>,
  value: ValueOf<Struct<Shape>>,
): Uint8Array {
  const words = of.fields.map(({ name, encode }) =>
    encode((value as Record<string, unknown>)[name]),
  )
  return keccak(typeHash(of.type), ...words)
}

function typeHash(type: string): Uint8Array {
  const held = TYPE_HASHES.get(type)
  if (held) return held
  const worked = keccak(utf8(type))
  TYPE_HASHES.set(type, worked)
  return worked
}

/** By type string; there are as many as there are structs. */
const TYPE_HASHES = new Map<string, Uint8Array>()

/** The fields with a hash in place of each text and each list: what Solidity is shown where bytes are dear. */
export type Hashed<T> = { [Field in keyof T]: T[Field] extends bigint | number ? T[Field] : Hash }

export function hashedFields<Shape extends z.ZodRawShape>(
  of: Struct<Shape>,
  value: ValueOf<Struct<Shape>>,
): Hashed<ValueOf<Struct<Shape>>> {
  const fields = of.fields.map(({ name, type, encode }) => {
    const held = (value as Record<string, unknown>)[name]
    const isDynamic = type.endsWith('[]') || type === 'string' || type === 'bytes'
    return [name, isDynamic ? toHex(encode(held)) : held]
  })
  return Object.fromEntries(fields)
}

/** The digest that is signed: `keccak("\x19\x01" ‖ domain ‖ hashStruct(value))`. It also names the message. */
export function digest<Shape extends z.ZodRawShape>(
  of: Struct<Shape>,
  value: ValueOf<Struct<Shape>>,
  domain: Domain,
): Hash {
  return keccakHash(Uint8Array.of(0x19, 0x01), separator(domain), hashStruct(of, value))
}

const DOMAIN_TYPE =
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'

/** The same for all that is signed in a domain, so it is worked out once. */
function separator(domain: Domain): Uint8Array {
  const held = SEPARATORS.get(domain)
  if (held) return held
  const worked = keccak(
    keccak(utf8(DOMAIN_TYPE)),
    keccak(utf8('Tributary')),
    keccak(utf8('1')),
    word(domain.chainId),
    addressWord(domain.contract),
  )
  SEPARATORS.set(domain, worked)
  return worked
}

const SEPARATORS = new WeakMap<Domain, Uint8Array>()

/** The word that stands for a field's value, by Solidity type. */
function encoderOf(type: string): Encode {
  if (type.endsWith('[]')) {
    const encodeItem = encoderOf(type.slice(0, -2))
    return (value) => keccak(...(value as readonly unknown[]).map(encodeItem))
  }
  if (type.startsWith('uint')) return (value) => word(value as bigint | number)
  const encode = ENCODERS[type]
  if (!encode) throw new TypeError(`no encoding for ${type}`)
  return encode
}

const ENCODERS: Readonly<Record<string, Encode>> = {
  string: (value) => textHash(value as string),
  bytes: (value) => keccak(fromHex(value as string)),
  bytes32: (value) => fromHex(value as string),
  address: (value) => addressWord(value as Address),
  bool: (value) => word(value ? 1 : 0),
}

/** Words of closed sets and content ids come again and again. */
function textHash(text: string): Uint8Array {
  const held = TEXT_HASHES.get(text)
  if (held) return held
  const worked = keccak(utf8(text))
  if (text.length > MAX_KNOWN_LENGTH) return worked
  if (TEXT_HASHES.size >= MAX_KNOWN_TEXTS) TEXT_HASHES.clear()
  TEXT_HASHES.set(text, worked)
  return worked
}

const TEXT_HASHES = new Map<string, Uint8Array>()
const MAX_KNOWN_TEXTS = 1024
const MAX_KNOWN_LENGTH = 128

function addressWord(address: Address): Uint8Array {
  return concat(LEFT_OF_ADDRESS, fromHex(address))
}

const LEFT_OF_ADDRESS = new Uint8Array(12)
