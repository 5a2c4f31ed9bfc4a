/**
 * Where a batch's data lies so that anyone can check its roots. A header names it by a reference: a content id, or
 * `eigenda/0x…`, from which alone every node knows whom to ask.
 */
import { MAX_AVAILABILITY } from '../../protocol/batch.ts'
import { type Cid, cid } from '../../protocol/fields.ts'
import { fromHex } from '../../protocol/hash.ts'
import { AvailabilityError } from './errors.ts'

export interface Availability {
  readonly name: string
  /** Hands the bytes over, and tells under which reference the layer keeps them. @throws AvailabilityError */
  put(bytes: Uint8Array, signal: AbortSignal): Promise<string>
  /**
   * What the reference stands for. A layer may lie: whoever reads compares the bytes with the roots in the header.
   * @throws AvailabilityError
   */
  get(reference: string, signal: AbortSignal): Promise<Uint8Array>
}

export type Reference =
  | { readonly layer: 'ipfs'; readonly cid: Cid }
  | { readonly layer: 'eigenda'; readonly commitment: Uint8Array }

const EIGENDA = /^eigenda\/0x((?:[0-9a-f]{2})+)$/

/** @throws AvailabilityError `bad-reference` */
export function parseReference(reference: string): Reference {
  if (reference.length <= MAX_AVAILABILITY) {
    const content = cid.safeParse(reference)
    if (content.success) return { layer: 'ipfs', cid: content.data }
    const hex = EIGENDA.exec(reference)?.[1]
    if (hex !== undefined) return { layer: 'eigenda', commitment: fromHex(hex) }
  }
  const shown = JSON.stringify(reference.slice(0, 60))
  throw new AvailabilityError(
    'bad-reference',
    `${shown} names no data: a reference is a content id, or eigenda/0x and an even number of lowercase digits, of ${MAX_AVAILABILITY} characters at most`,
  )
}
