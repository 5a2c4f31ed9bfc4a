/** The bridge that `tributary bridge` works with, and the account that pays on both of its sides. */
import { randomBytes } from 'node:crypto'
import type { Hash } from '../../protocol/hash.ts'
import { type Bridge, connectBridge } from '../chain/bridge.ts'
import { loadBridge } from '../chain/op-stack.ts'
import { keyFile, readKey } from '../storage/keys.ts'
import { ClientError } from './client.ts'
import { withAccount } from './refusals.ts'

export interface BridgeFlags {
  readonly bridge?: string
}

export interface SenderFlags extends BridgeFlags {
  readonly key?: string
}

/** Keeps the list of transfers. */
const FOLDER = '.tributary/bridge'
/** The account of a person rather than of a node, as in `tributary gov`. */
export const DEFAULT_KEY = keyFile('.tributary/voter', 'voter')

/** For looking: needs no key. */
export function looking<T>(flags: BridgeFlags, act: (bridge: Bridge) => Promise<T>) {
  return connected(flags, () => randomBytes(32), act)
}

/** For sending, with the key of whoever pays. */
export function sending<T>(flags: SenderFlags, act: (bridge: Bridge) => Promise<T>) {
  return connected(flags, () => readKey(flags.key ?? DEFAULT_KEY).privateKey, act)
}

async function connected<T>(
  flags: BridgeFlags,
  keyOf: () => Uint8Array,
  act: (bridge: Bridge) => Promise<T>,
): Promise<T> {
  const place = flags.bridge ?? process.env['TRIBUTARY_BRIDGE'] ?? 'bridge.json'
  const file = await loadBridge(place)
  const privateKey = keyOf()
  const ended = new AbortController()
  const end = (): void => ended.abort()
  process.once('SIGINT', end)
  const { signal } = ended
  const bridge = await connectBridge({ file, privateKey, dataFolder: FOLDER, signal })
  try {
    return await act(bridge)
  } catch (error) {
    throw withAccount(error, bridge)
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
