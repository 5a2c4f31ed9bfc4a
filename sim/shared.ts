/** What all nodes of a world would come to alike is worked out once for all of them. */
import { type Opened, open } from '../protocol/envelope.ts'
import { BatchData } from '../protocol/settlement.ts'
import type { Domain } from '../protocol/struct.ts'

/** Decodes each envelope once for all nodes that get the same bytes. */
export function openOnce(): (bytes: Uint8Array, domain: Domain) => Opened {
  const opened = new WeakMap<Uint8Array, Opened>()
  return (bytes, domain) => held(opened, bytes, () => open(bytes, domain))
}

/** Decodes the data of each batch once, and knows it for what nodes have worked out. */
export function decodeOnce(intern: (data: BatchData) => BatchData): typeof BatchData.decode {
  const known = new WeakMap<Uint8Array, ReturnType<typeof BatchData.decode>>()
  return (bytes) =>
    held(known, bytes, () => {
      const decoded = BatchData.decode(bytes)
      return decoded.ok ? { ok: true, value: intern(decoded.value) } : decoded
    })
}

function held<K extends object, V>(map: WeakMap<K, V>, key: K, work: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const fresh = work()
  map.set(key, fresh)
  return fresh
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
