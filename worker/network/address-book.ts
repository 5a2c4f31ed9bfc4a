/**
 * Addresses of peers met before: with them a restarted node finds the network without the peer that introduced it, and though
 * all introductions be false. Who is in the book stays there, so that nobody can wash it out with many new peers.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PeerId } from '@libp2p/interface'
import { isLoopback, isPrivate } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import type { Peer } from './peer.ts'

const MAX_ADDRESSES = 64
/** Places that nobody new may take from those who are not here at the moment. */
const AWAY = 16

/** What this node can dial. Peers name their addresses themselves: one that names another must not spoil the book. */
const Address = z
  .string()
  .max(256)
  .regex(/^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+\/p2p\/[A-Za-z0-9]+$/)
const AddressBook = z.array(Address).max(MAX_ADDRESSES)

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
    const address = await addressOf(libp2p, id)
    if (address !== undefined) addresses.push(address)
  }
  if (addresses.length === 0) return
  const book = bookOf(readAddresses(folder), addresses)
  writeFileSync(`${bookIn(folder)}.new`, JSON.stringify(book, null, 2))
  renameSync(`${bookIn(folder)}.new`, bookIn(folder))
}

/** Where a peer was dialled; else what it says that most can reach, for all machines have the same loopback address. */
async function addressOf(libp2p: Peer['libp2p'], id: PeerId): Promise<string | undefined> {
  const dialled = libp2p.getConnections(id).filter(({ direction }) => direction === 'outbound')
  const known = await libp2p.peerStore.get(id).catch(() => undefined)
  const told = known?.addresses.map(({ multiaddr }) => multiaddr) ?? []
  const nearness = (address: Multiaddr): number =>
    Number(isPrivate(address)) + Number(isLoopback(address))
  return [
    ...dialled.map(({ remoteAddr }) => remoteAddr),
    ...told.sort((a, b) => nearness(a) - nearness(b)),
  ]
    .map((address) => `${address}`.replace(/(\/p2p\/[^/]+)?$/, `/p2p/${id}`))
    .find((address) => Address.safeParse(address).success)
}

/**
 * The next book: those in the last one who are here, by their addresses of today; new ones where there is room; and those who
 * are away, who left last first.
 */
export function bookOf(last: readonly string[], here: readonly string[]): string[] {
  const today = new Map(here.map((address) => [idIn(address), address]))
  const known = new Set(last.map(idIn))
  const stayed = last.flatMap((address) => today.get(idIn(address)) ?? [])
  const away = last.filter((address) => !today.has(idIn(address)))
  const fresh = here.filter((address) => !known.has(idIn(address)))
  const present = [...stayed, ...fresh].slice(0, MAX_ADDRESSES - Math.min(AWAY, away.length))
  return [...present, ...away].slice(0, MAX_ADDRESSES)
}

function idIn(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1)
}

function bookIn(folder: string): string {
  return join(folder, 'peers.json')
}
