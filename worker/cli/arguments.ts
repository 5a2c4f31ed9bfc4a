/** What people write on the command line, read: each throws what commander shows as wrong use. */
import { InvalidArgumentError } from 'commander'
import { isAddress } from 'viem/utils'
import { type Address, address, bytes32, type Cid, cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { parseOpen } from '../stake.ts'

/** An amount of OPEN above nothing, in wei. */
export function open(text: string): bigint {
  if (/^\d{1,12}(\.\d{1,18})?$/.test(text) && parseOpen(text) > 0n) return parseOpen(text)
  throw new InvalidArgumentError('It takes an amount above 0, such as 100 or 0.5.')
}

/** The same, where it may be nothing. */
export function openOrNothing(text: string): bigint {
  if (/^\d{1,12}(\.\d{1,18})?$/.test(text)) return parseOpen(text)
  throw new InvalidArgumentError('It takes an amount, such as 100, 0.5 or 0.')
}

/** Where letters are large and small, they hold a check of the digits (EIP-55). */
export function account(text: string): Address {
  const parsed = address.safeParse(text.toLowerCase())
  if (!parsed.success) throw new InvalidArgumentError('It takes an account: 0x and 40 digits.')
  const digits = text.slice(2)
  const isMixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase()
  if (isMixed && !isAddress(text)) {
    throw new InvalidArgumentError('It is mistyped: its large and small letters do not fit.')
  }
  return parsed.data
}

/** A number that counts from 1. */
export function counted(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It takes a whole number from 1 on.')
}

/** A number that counts from 0. */
export function place(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It takes a whole number from 0 on.')
}

export function hash(text: string): Hash {
  const parsed = bytes32.safeParse(text.toLowerCase())
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError('It takes 32 bytes: 0x and 64 digits.')
}

export function contentId(text: string): Cid {
  const parsed = cid.safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError('It takes a content id, such as bafy….')
}

/** One more of an option that may be said several times, or its values separated by commas. */
export function collected(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter((part) => part !== '')]
}
