/** Private keys as files that only their owner may read. One key is a node's account and its peer id at once. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Address } from '../../protocol/fields.ts'
import { fromHex, toHex } from '../../protocol/hash.ts'
import { addressOf, publicKeyOf } from '../../protocol/signature.ts'
import { StorageError } from './errors.ts'

export interface Key {
  readonly privateKey: Uint8Array
  readonly address: Address
}

/**
 * `node.key`: the hot key that signs messages. `owner.key`: the cold account that stakes and is paid. `voter.key`: an
 * account that takes part in governance. `deployer.key`: an account that pays for contracts.
 */
export type KeyName = 'node' | 'owner' | 'voter' | 'deployer'

export function keyFile(folder: string, name: KeyName): string {
  return join(folder, `${name}.key`)
}

/** Reads the key, or makes one. @throws StorageError where the file holds no key. */
export function loadKey(folder: string, name: KeyName): Key {
  const path = keyFile(folder, name)
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${toHex(randomBytes(32))}\n`, { mode: 0o600, flag: 'wx' })
  }
  return readKey(path)
}

/** @throws StorageError where the file holds no key. */
export function readKey(path: string): Key {
  if (!existsSync(path)) {
    throw new StorageError('missing', `There is no key file ${path}. Name another.`)
  }
  const text = readFileSync(path, 'utf8').trim()
  if (!/^0x[0-9a-f]{64}$/.test(text)) {
    throw new StorageError(
      'malformed',
      `${path} holds no private key (0x and 64 digits). Restore it from a backup, or move it away to start with a new one.`,
    )
  }
  return keyOf(fromHex(text))
}

export function keyOf(privateKey: Uint8Array): Key {
  return { privateKey, address: addressOf(publicKeyOf(privateKey)) }
}
