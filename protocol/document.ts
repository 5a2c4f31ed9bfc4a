/**
 * Documents: what lies in IPFS under a content id, as one dag-cbor block with a schema and a size limit. Decoding
 * is strict: the bytes must be the ones that encoding gives, so that one value has one content id.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { sha256 } from '@noble/hashes/sha2.js'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { z } from 'zod'
import type { Cid } from './fields.ts'
import { sameBytes } from './hash.ts'

const SHA2_256 = 0x12

export interface Document<T> {
  readonly name: string
  readonly maxBytes: number
  /** The value's block. @throws RangeError where it is larger than a reader would take */
  encode(value: T): Block
  /** The value, or why these bytes are none. */
  decode(bytes: Uint8Array): Decoded<T>
}

export type DocumentValue<D> = D extends Document<infer T> ? T : never

export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string }

export function document<S extends z.ZodType>(
  name: string,
  maxBytes: number,
  schema: S,
): Document<z.output<S>> {
  return {
    name,
    maxBytes,
    encode: (value) => {
      const bytes = dagCbor.encode(z.encode(schema, value))
      if (bytes.length > maxBytes) throw new RangeError(tooLarge(name, bytes.length, maxBytes))
      return blockOf(bytes)
    },
    decode: (bytes) => {
      if (bytes.length > maxBytes) return refuse(tooLarge(name, bytes.length, maxBytes))
      return decodeCanonical(name, schema, bytes)
    },
  }
}

function tooLarge(name: string, bytes: number, maxBytes: number): string {
  return `${name} has ${bytes} bytes, more than the ${maxBytes} allowed`
}

/** The block of dag-cbor bytes: sha2-256, CIDv1. */
export function blockOf(bytes: Uint8Array): Block {
  const cid = CID.createV1(dagCbor.code, create(SHA2_256, sha256(bytes)))
  return { cid: cid.toString() as Cid, bytes }
}

/** Decodes dag-cbor, checks the schema. dag-cbor's own decoder
 * lets unsorted keys and short floats pass, so the value is encoded again and the bytes compared. */
export function decodeCanonical<S extends z.ZodType>(
  name: string,
  schema: S,
  bytes: Uint8Array,
): Decoded<z.output<S>> {
  let raw: unknown
  try {
    raw = dagCbor.decode(bytes)
  } catch (error) {
    return refuse(`${name} is no dag-cbor: ${(error as Error).message}`)
  }
  const parsed = z.safeDecode(schema, raw as z.input<S>)
  if (!parsed.success) return refuse(`${name}: ${firstIssue(parsed.error)}`)
  if (!sameBytes(dagCbor.encode(raw), bytes)) return refuse(`${name} is not in canonical form`)
  return { ok: true, value: parsed.data }
}

function firstIssue(error: z.core.$ZodError): string {
  const issue = error.issues[0]!
  const path = issue.path.join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}

function refuse<T>(reason: string): Decoded<T> {
  return { ok: false, reason: reason.slice(0, 300) }
}
