/** Reads contracts through viem, which knows the types of each answer from the ABI. */
import { createPublicClient, custom, defineChain, type PublicClient } from 'viem'
import { z } from 'zod'
import { ChainError } from './errors.ts'
import { explain } from './reverts.ts'
import type { Rpc } from './rpc.ts'

/** An OP Stack chain whose coin is OPEN. */
function openChain(id: number, url: string) {
  return defineChain({
    id,
    name: 'Tributary L2',
    nativeCurrency: { name: 'Open', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
}

/** Runs `ask` with a viem client over our connection; what fails is a `ChainError`. */
export async function read<T>(
  rpc: Rpc,
  chainId: number,
  ask: (client: PublicClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const request = ({ method, params }: { method: string; params?: unknown }) =>
    rpc.request(z.unknown(), method, (params ?? []) as readonly unknown[], signal)
  const client: PublicClient = createPublicClient({
    chain: openChain(chainId, rpc.url),
    // Whether to try again is for our callers to say.
    transport: custom({ request }, { retryCount: 0 }),
  })
  try {
    return await betweenBlocks(() => ask(client))
  } catch (error) {
    throw explain(causeOf(error), 'read')
  }
}

/** An embedded chain keeps no past states, so a read is refused when a block is mined in the middle of it. */
const MAX_TRIES = 5

/** Reads again what a new block has cut off. */
export async function betweenBlocks<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === MAX_TRIES || !isOvertaken(causeOf(error))) throw error
    }
  }
}

function isOvertaken(cause: unknown): boolean {
  return cause instanceof ChainError && cause.message.includes('BlockOutOfRangeError')
}

/** viem wraps what the connection threw. */
function causeOf(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ChainError) return at
  }
  return error
}
