/** The shapes in which a chain's RPC answers, and quantities on their way to it. */
import { z } from 'zod'
import { bytes32 } from '../../protocol/fields.ts'

/** `0x1f` as a bigint. */
export const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,64}$/i, 'a quantity')
  .transform((hex) => BigInt(hex))

/** A quantity that a JavaScript number holds exactly: block numbers, nonces, times. */
export const smallQuantity = quantity
  .refine((value) => value <= BigInt(Number.MAX_SAFE_INTEGER), 'too large')
  .transform(Number)

export const hexBytes = z
  .string()
  .regex(/^0x([0-9a-f]{2})*$/i, 'bytes in hexadecimal')
  .transform((hex) => hex as `0x${string}`)

const rpcAddress = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/i, 'an address')
  .transform((hex) => hex.toLowerCase() as `0x${string}`)

export const Block = z.object({
  number: smallQuantity,
  hash: bytes32,
  parentHash: bytes32,
  timestamp: smallQuantity,
  baseFeePerGas: quantity.optional(),
})
export type Block = z.output<typeof Block>

export const Receipt = z.object({
  transactionHash: bytes32,
  blockNumber: smallQuantity,
  status: z.enum(['0x0', '0x1']),
  gasUsed: quantity,
  contractAddress: rpcAddress.nullish(),
  logs: z.array(z.object({ address: rpcAddress, topics: z.array(bytes32), data: hexBytes })),
})
export type Receipt = z.output<typeof Receipt>

export const Log = z.object({
  address: rpcAddress,
  topics: z.array(bytes32).max(4),
  data: hexBytes,
  blockNumber: smallQuantity,
  transactionHash: bytes32,
  logIndex: smallQuantity,
})
export type Log = z.output<typeof Log>

/** A log whose place is known for good: block hash and index name it. */
export const PlacedLog = Log.extend({ blockHash: bytes32 })
export type PlacedLog = z.output<typeof PlacedLog>

/** `0x…` without leading zeros, as JSON-RPC wants it. */
export function toQuantity(value: bigint | number): `0x${string}` {
  return `0x${value.toString(16)}`
}
