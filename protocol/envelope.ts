/** Messages as bytes: dag-cbor of kind, body and signature, and only the canonical bytes count. */
import * as dagCbor from '@ipld/dag-cbor'
import { z } from 'zod'
import { decodeCanonical } from './document.ts'
import { signature } from './fields.ts'
import type { Hash } from './hash.ts'
import { KINDS, MESSAGES, type Message, messageDigest } from './message.ts'
import { MAX_ENVELOPE_BYTES } from './params.ts'
import { sign } from './signature.ts'
import type { Domain } from './struct.ts'

/** A message with its signature. Whether the signature is its author's is a question of its own: it costs the most. */
export interface Envelope {
  readonly message: Message
  readonly digest: Hash
  readonly signature: `0x${string}`
  readonly bytes: Uint8Array
}

export type Opened =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly reason: 'too-large' | 'malformed'; readonly detail: string }

const SCHEMA = z.discriminatedUnion(
  'kind',
  KINDS.map((kind) =>
    z.strictObject({ kind: z.literal(kind), body: MESSAGES[kind].schema, signature }),
  ) as unknown as readonly [z.core.$ZodTypeDiscriminable],
)

/** Signs and encodes. */
export function seal(message: Message, privateKey: Uint8Array, domain: Domain): Envelope {
  return sealWith(message, domain, (digest) => sign(digest, privateKey))
}

/** Encodes, with what somebody else signs. */
export function sealWith(
  message: Message,
  domain: Domain,
  signer: (digest: Hash) => `0x${string}`,
): Envelope {
  const digest = messageDigest(message, domain)
  const signed = { ...message, signature: signer(digest) }
  const bytes = dagCbor.encode(z.encode(SCHEMA, signed))
  return { message, digest, signature: signed.signature, bytes }
}

/** Decodes and checks all but the signature. */
export function open(bytes: Uint8Array, domain: Domain): Opened {
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    const detail = `${bytes.length} bytes, more than the ${MAX_ENVELOPE_BYTES} allowed`
    return { ok: false, reason: 'too-large', detail }
  }
  const decoded = decodeCanonical('envelope', SCHEMA, bytes)
  if (!decoded.ok) return { ok: false, reason: 'malformed', detail: decoded.reason }
  const { signature, ...message } = decoded.value as Message & { signature: `0x${string}` }
  return {
    ok: true,
    envelope: { message, digest: messageDigest(message, domain), signature, bytes },
  }
}
