/** The chain and the account that commands work with. A running node's own accounts are left alone unless they are named. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Address } from '../../protocol/fields.ts'
import { WRITE_PATIENCE_MS } from '../../protocol/gas-offer.ts'
import type { Hash } from '../../protocol/hash.ts'
import { type ChainClient, connectChain } from '../chain/client.ts'
import { loadDeployment } from '../chain/deployment.ts'
import { type Key, keyFile, loadKey, readKey } from '../storage/keys.ts'
import { lockSoon } from '../storage/lock.ts'
import { ClientError, nodeHere } from './client.ts'
import { say } from './output.ts'
import { advised, afterWrite, GOES_ON, withAccount } from './refusals.ts'

export interface ChainFlags {
  readonly rpc?: string
  readonly deployment?: string
}

export interface KeyFlags extends ChainFlags {
  readonly key?: string
}

export interface JsonFlag {
  readonly json?: boolean
}

/** Keeps a person's key, and the outbox of whichever account writes: never a node's, which has a folder of its own. */
const FOLDER = '.tributary/voter'
export const DEFAULT_KEY = keyFile(FOLDER, 'voter')

/** For reading: needs no key. */
export function reading<T>(flags: ChainFlags, ask: (client: ChainClient) => Promise<T>) {
  return connected(placesOf(flags), randomBytes(32), ask)
}

/** For writing, with a person's key, which is made when it is first needed; `act` may sign with it besides. */
export function writing<T>(flags: KeyFlags, act: (client: ChainClient, key: Key) => Promise<T>) {
  const places = placesOf(flags)
  const isNew = flags.key === undefined && !existsSync(DEFAULT_KEY)
  const key = flags.key ? readKey(flags.key) : loadKey(FOLDER, 'voter')
  if (isNew) say(`Made ${DEFAULT_KEY}. Its account needs OPEN: ${key.address}`)
  return connected(places, key.privateKey, async (client) => {
    process.once('SIGINT', cutOff)
    // An outbox has one hand.
    using _lock = await lockSoon(FOLDER, WRITE_PATIENCE_MS, () =>
      say('Another command writes from this folder: waiting for it.'),
    )
    try {
      return await act(client, key)
    } finally {
      process.removeListener('SIGINT', cutOff)
    }
  })
}

function cutOff(): void {
  say(`Called off. ${GOES_ON}`)
  process.exit(1)
}

function onResumed(txHash: Hash): void {
  say(
    `An earlier run was cut off after it had sent this, in transaction ${txHash}: that is seen to, and nothing else is sent. To have it twice, run this again.`,
  )
}

/** The account that would write, where there is a key. */
export function ownAccount({ key }: KeyFlags): Address | undefined {
  if (key) return readKey(key).address
  return existsSync(DEFAULT_KEY) ? loadKey(FOLDER, 'voter').address : undefined
}

async function connected<T>(
  { urls, file }: Places,
  privateKey: Uint8Array,
  use: (client: ChainClient) => Promise<T>,
): Promise<T> {
  const deployment = await loadDeployment(file)
  if (!deployment) {
    throw new ClientError(`There is no deployment file ${file}. Name one with --deployment.`)
  }
  const options = { url: urls, deployment, privateKey, dataFolder: FOLDER, onResumed }
  const client = await connectChain(options)
  try {
    return await use(client)
  } catch (error) {
    throw afterWrite(withAccount(advised(error), client), client)
  } finally {
    client.close()
  }
}

interface Places {
  readonly urls: readonly string[]
  /** The deployment's. */
  readonly file: string
}

/** As given, from the environment, or of a node that runs in this folder. */
function placesOf(flags: ChainFlags): Places {
  const node = nodeHere()
  const rpc = flags.rpc ?? process.env['TRIBUTARY_RPC'] ?? node?.rpc.join(',')
  const file = flags.deployment ?? process.env['TRIBUTARY_DEPLOYMENT'] ?? node?.deployment
  const urls = (rpc ?? '').split(',').filter((url) => url !== '')
  const strange = urls.find((url) => !/^(ws|wss|http|https):\/\//.test(url))
  if (strange !== undefined) {
    throw new ClientError(`${strange} is no RPC address: those begin with ws, wss, http or https.`)
  }
  if (urls.length > 0 && file !== undefined) return { urls, file }
  throw new ClientError(
    'No node runs in this folder that could name its chain. Start one (tributary demo --keep), or say --rpc ws://… and --deployment deployment.json.',
  )
}
