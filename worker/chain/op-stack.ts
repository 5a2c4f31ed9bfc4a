/**
 * An OP Stack chain whose coin is OPEN, and the L1 that it stands on: what a bridge must know of both, read from a file.
 * Only portals with dispute games are known: chains with a gas token of their own came later than those.
 */
import { readFile } from 'node:fs/promises'
import { type Address, defineChain } from 'viem'
import { chainConfig } from 'viem/op-stack'
import { z } from 'zod'
import { ChainError } from './errors.ts'

const contract = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/i, 'must be an address: 0x and 40 digits')
  .transform((hex) => hex.toLowerCase() as Address)

const rpcUrl = z
  .string()
  .regex(
    /^(ws|wss|http|https):\/\/\S+$/,
    'must be an address that begins with ws, wss, http or https',
  )

const chain = z.strictObject({
  /** The preferred first, where there are several. */
  rpc: z.union([rpcUrl, z.array(rpcUrl).min(1)], 'must be an RPC address, or a list of them'),
  chainId: z.int().positive(),
})

export const BridgeFile = z
  .strictObject({
    l1: chain,
    l2: chain,
    /** On L1. */
    contracts: z.strictObject({
      portal: contract,
      disputeGameFactory: contract,
      /** Carries ERC-20s; the bridge's own commands do without it. */
      l1StandardBridge: contract.optional(),
    }),
  })
  .refine(({ l1, l2 }) => l1.chainId !== l2.chainId, {
    error: 'must differ from that of L1',
    path: ['l2', 'chainId'],
  })
export type BridgeFile = z.output<typeof BridgeFile>

/** Throws `ChainError` `bad-bridge`, which names the field. */
export async function loadBridge(file: string): Promise<BridgeFile> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new ChainError(
      'bad-bridge',
      `${file} cannot be read: it names both chains and the contracts between them. Name one with --bridge`,
      { cause },
    )
  }
  return parseBridge(text, file)
}

export function parseBridge(text: string, file: string): BridgeFile {
  try {
    return BridgeFile.parse(JSON.parse(text))
  } catch (cause) {
    const what =
      cause instanceof z.ZodError ? cause.issues.map(fieldAndFault).join('; ') : `${cause}`
    throw new ChainError('bad-bridge', `${file} describes no bridge: ${what}`, { cause })
  }
}

function fieldAndFault({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`
}

/** As the outbox offers: five full blocks in a row do not outrun twice the base fee. */
const fees = { baseFeeMultiplier: 2 }

/** The L1, as viem wants to know it. */
export function sourceChain({ l1 }: BridgeFile) {
  return defineChain({
    id: l1.chainId,
    name: 'L1',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [l1.rpc].flat() } },
    fees,
  })
}

/** The L2, with where on L1 its contracts are. */
export function openChain({ l1, l2, contracts }: BridgeFile) {
  const onL1 = (address: Address) => ({ [l1.chainId]: { address } })
  return defineChain({
    ...chainConfig,
    id: l2.chainId,
    name: 'Tributary L2',
    nativeCurrency: { name: 'Open', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [l2.rpc].flat() } },
    fees,
    sourceId: l1.chainId,
    contracts: {
      ...chainConfig.contracts,
      portal: onL1(contracts.portal),
      disputeGameFactory: onL1(contracts.disputeGameFactory),
      ...(contracts.l1StandardBridge && { l1StandardBridge: onL1(contracts.l1StandardBridge) }),
    },
  })
}
