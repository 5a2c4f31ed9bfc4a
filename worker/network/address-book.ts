/** Addresses of peers met before: with them a restarted node finds the network without the peer that introduced it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Peer } from './peer.ts'

const MAX_ADDRESSES = 64

const AddressBook = z
  .array(
    z
      .string()
      .max(256)
      .regex(/^\/.+\/p2p\/[A-Za-z0-9]+$/),
  )
  .max(MAX_ADDRESSES)

/** What is in the book; nothing where there is none, or none that can be read. */
export function readAddresses(folder: string): string[] {
  try {
    return AddressBook.parse(JSON.parse(readFileSync(bookIn(folder), 'utf8')))
  } catch {
    // The book is a convenience: without it the bootstrap addresses do.
    return []
  }
}

/** Writes down where the peers are that this one is connected to and that listen somewhere. */
export async function writeAddresses(folder: string, { libp2p }: Peer): Promise<void> {
  const addresses: string[] = []
  for (const id of libp2p.getPeers()) {
    const known = await libp2p.peerStore.get(id).catch(() => undefined)
    const first = known?.addresses[0]?.multiaddr.toString()
    if (first === undefined) continue
    addresses.push(first.includes('/p2p/') ? first : `${first}/p2p/${id}`)
  }
  if (addresses.length === 0) return
  writeFileSync(`${bookIn(folder)}.new`, JSON.stringify(addresses.slice(0, MAX_ADDRESSES), null, 2))
  renameSync(`${bookIn(folder)}.new`, bookIn(folder))
}

function bookIn(folder: string): string {
  return join(folder, 'peers.json')
}
