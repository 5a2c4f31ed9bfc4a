/** The bridge that `tributary bridge` works with, and the account that pays on both of its sides. */
import type { Hash } from '../../protocol/hash.ts'
import { type Bridge, connectBridge } from '../chain/bridge.ts'
import { loadBridge } from '../chain/op-stack.ts'
import { keyFile, readKey } from '../storage/keys.ts'
import { ClientError } from './client.ts'

export interface BridgeFlags {
  readonly bridge?: string
  readonly key?: string
}

/** Keeps the list of transfers. */
const FOLDER = '.tributary/bridge'
/** The account of a person rather than of a node, as in `tributary gov`. */
export const DEFAULT_KEY = keyFile('.tributary/voter', 'voter')

export async function bridging<T>(flags: BridgeFlags, act: (bridge: Bridge) => Promise<T>) {
  const place = flags.bridge ?? process.env['TRIBUTARY_BRIDGE'] ?? 'bridge.json'
  const file = await loadBridge(place)
  const { privateKey } = readKey(flags.key ?? DEFAULT_KEY)
  const ended = new AbortController()
  const end = (): void => ended.abort()
  process.once('SIGINT', end)
  const { signal } = ended
  const bridge = await connectBridge({ file, privateKey, dataFolder: FOLDER, signal })
  try {
    return await act(bridge)
  } finally {
    process.removeListener('SIGINT', end)
    bridge.close()
  }
}

/** The newest withdrawal that was sent from here, by its transaction on L2. */
export function newestWithdrawal({ transfers }: Bridge): Hash {
  const newest = transfers.all.findLast(({ kind }) => kind === 'withdrawal')
  if (newest) return newest.txHash
  throw new ClientError(
    'No withdrawal was sent from here. Name one by its transaction on L2, or begin one: tributary bridge withdraw.',
  )
}
