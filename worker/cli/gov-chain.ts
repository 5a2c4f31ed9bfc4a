/** The chain and the account that `tributary gov` works with. A running node's own accounts are left alone. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type ChainClient, connectChain } from '../chain/client.ts'
import { loadDeployment } from '../chain/deployment.ts'
import { Governance } from '../chain/governance.ts'
import { keyFile, loadKey, readKey } from '../storage/keys.ts'
import { ClientError, nodeHere } from './client.ts'
import { say } from './output.ts'

export interface ChainFlags {
  readonly rpc?: string
  readonly deployment?: string
}

export interface VoterFlags extends ChainFlags {
  readonly key?: string
}

export interface GovernanceHere {
  readonly governance: Governance
  readonly client: ChainClient
}

/** Keeps the voter's key, and the outbox of whichever account votes: never a node's, which has a folder of its own. */
const FOLDER = '.tributary/voter'

/** For reading: needs no key. */
export function reading<T>(flags: ChainFlags, ask: (here: GovernanceHere) => Promise<T>) {
  return connected(placesOf(flags), randomBytes(32), ask)
}

/** For writing, with the voter's key; it is made when it is first needed. */
export function writing<T>(flags: VoterFlags, act: (here: GovernanceHere) => Promise<T>) {
  const places = placesOf(flags)
  const isNew = flags.key === undefined && !existsSync(keyFile(FOLDER, 'voter'))
  const { privateKey, address } = flags.key ? readKey(flags.key) : loadKey(FOLDER, 'voter')
  if (isNew) say(`Made ${keyFile(FOLDER, 'voter')}. Its account needs OPEN to vote: ${address}`)
  return connected(places, privateKey, act)
}

/** The account that would vote, where there is a key. */
export function voterAccount({ key }: VoterFlags) {
  if (key) return readKey(key).address
  return existsSync(keyFile(FOLDER, 'voter')) ? loadKey(FOLDER, 'voter').address : undefined
}

async function connected<T>(
  { url, file }: Places,
  privateKey: Uint8Array,
  use: (here: GovernanceHere) => Promise<T>,
): Promise<T> {
  const deployment = await loadDeployment(file)
  if (!deployment) {
    throw new ClientError(`There is no deployment file ${file}. Name one with --deployment.`)
  }
  const options = { url, deployment, privateKey, dataFolder: FOLDER }
  const client = await connectChain(options)
  try {
    return await use({ client, governance: new Governance(client) })
  } finally {
    client.close()
  }
}

interface Places {
  readonly url: string
  /** The deployment's. */
  readonly file: string
}

/** As given, from the environment, or of a node that runs in this folder. */
function placesOf(flags: ChainFlags): Places {
  const node = nodeHere()
  const url = flags.rpc ?? process.env['TRIBUTARY_RPC'] ?? node?.rpc
  const file = flags.deployment ?? process.env['TRIBUTARY_DEPLOYMENT'] ?? node?.deployment
  if (url !== undefined && file !== undefined) return { url, file }
  throw new ClientError(
    'No node runs in this folder that could name its chain. Start one (tributary demo --keep), or say --rpc ws://… and --deployment deployment.json.',
  )
}
