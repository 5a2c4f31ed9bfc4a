/** Puts up what the configuration asks for, where it is not there yet: the node's stake, a gateway's escrow. */
import type { Ledger } from '../coordinator-free/ledger.ts'
import type { Address } from '../protocol/fields.ts'
import { OPEN_WEI } from '../protocol/open-amount.ts'
import type { ChainClient } from './chain/client.ts'
import { signConsent } from './chain/consent.ts'
import type { Config } from './config/schema.ts'
import type { Key } from './storage/keys.ts'
import type { Logger } from './telemetry/logger.ts'

export interface StakeOptions {
  readonly config: Config
  readonly key: Key
  readonly owner: Address
  readonly ownerChain: ChainClient
  readonly ledger: Ledger
  readonly log: Logger
}

export async function ensureStake(options: StakeOptions, signal: AbortSignal): Promise<void> {
  const { config, key, owner, ownerChain, ledger, log } = options
  const stakeWei = parseOpen(config.stake)
  if (stakeWei === 0n || ledger.members.get(key.address)) return
  const { nonce } = await ownerChain.member(key.address, signal)
  const terms = { owner, roles: config.roles, nonce }
  const consent = signConsent(ownerChain.deployment, key.privateKey, terms)
  const stake = { node: key.address, roles: config.roles, stakeWei, consent }
  const { txHash } = await ownerChain.stake(stake, signal)
  log.info({ node: key.address, owner, stake: config.stake, txHash }, 'staked')
}

/** Tops the escrow up to the configured amount. */
export async function ensureEscrow(options: StakeOptions, signal: AbortSignal): Promise<void> {
  const { config, key, ownerChain, ledger, log } = options
  const wantedWei = parseOpen(config.escrow)
  const heldWei = ledger.escrows.get(key.address)?.balanceWei ?? 0n
  if (!config.roles.includes('gateway') || heldWei >= wantedWei) return
  const { txHash } = await ownerChain.deposit(key.address, wantedWei - heldWei, signal)
  log.info({ payer: key.address, escrow: config.escrow, txHash }, 'escrow filled')
}

/** OPEN as people write it, in wei. */
export function parseOpen(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole) * OPEN_WEI + BigInt(fraction.padEnd(18, '0'))
}
