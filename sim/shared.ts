/** What all nodes of a world would come to alike is worked out once for all of them. */
import { type Opened, open } from '../protocol/envelope.ts'
import type { Cid } from '../protocol/fields.ts'
import { held } from '../protocol/held.ts'
import { PayoutPage } from '../protocol/payouts.ts'
import { type BatchData, BatchDocument, batchOf } from '../protocol/settlement.ts'
import type { Domain } from '../protocol/struct.ts'

/** Decodes each envelope once for all nodes that get the same bytes. */
export function openOnce(): (bytes: Uint8Array, domain: Domain) => Opened {
  const opened = new WeakMap<Uint8Array, Opened>()
  return (bytes, domain) => held(opened, bytes, () => open(bytes, domain))
}

/** Reads the data of each batch once, and knows it for what nodes have worked out; `undefined` where it cannot be had. */
export function readOnce(
  intern: (data: BatchData) => BatchData,
  find: (cid: Cid) => Uint8Array | undefined,
): (cid: Cid) => BatchData | undefined {
  const documents = new WeakMap<Uint8Array, ReturnType<typeof BatchDocument.decode>>()
  const read = new WeakMap<Uint8Array, BatchData>()
  const pages = new WeakMap<Uint8Array, PayoutPage | undefined>()
  const pageAt = (cid: Cid): PayoutPage[] => {
    const bytes = find(cid)
    if (!bytes) return []
    const page = held(pages, bytes, () => {
      const decoded = PayoutPage.decode(bytes)
      return decoded.ok ? decoded.value : undefined
    })
    return page ? [page] : []
  }
  return (cid) => {
    const bytes = find(cid)
    const document = bytes && held(documents, bytes, () => BatchDocument.decode(bytes))
    if (!document?.ok) return undefined
    const found = document.value.pages.flatMap(pageAt)
    if (found.length < document.value.pages.length) return undefined
    return held(read, bytes!, () => intern(batchOf(document.value, found)!))
  }
}

const KNOWN_BATCHES = 256

/** Gives equal data one identity: nodes work it out each for themselves, and its header and block are worked out once. */
export function internBatches(): (data: BatchData) => BatchData {
  const known = new Map<number, BatchData[]>()
  return (data) => {
    const alike = known.get(data.number) ?? []
    const same = alike.find((one) => isSame(one, data))
    if (same) return same
    if (known.size >= KNOWN_BATCHES) known.clear()
    known.set(data.number, [...alike.slice(1 - KNOWN_BATCHES), data])
    return data
  }
}

/** Equality of what documents are made of. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) =>
    isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  )
}
