/** What people write on the command line, read: each throws what commander shows as wrong use. */
import { InvalidArgumentError } from 'commander'
import { type Address, address } from '../../protocol/fields.ts'

export function account(text: string): Address {
  const parsed = address.safeParse(text.toLowerCase())
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError('It takes an account: 0x and 40 digits.')
}

/** A number that counts from 1. */
export function counted(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It takes a whole number from 1 on.')
}

/** One more of an option that may be said several times, or its values separated by commas. */
export function collected(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter((part) => part !== '')]
}
