/** Who has staked how much, and what was taken from whom: the StakeVault of the fake L2. */
import type { Role } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import { fromHex, type Hash, keccak, toBigInt, word } from '../protocol/hash.ts'
import { Reverted, type WriteLog } from './contract.ts'

interface Stake {
  readonly owner: Address
  readonly roles: readonly Role[]
  readonly stakeWei: bigint
  readonly lockedWei: bigint
}

/** What a stake was slashed for: a false batch proposed, a false claim made or passed, silence as a juror, contradiction. */
export interface Slash {
  readonly node: Address
  readonly why: 'proposer' | 'accused' | 'silent' | 'contradicted'
  readonly amountWei: bigint
}

export class Stakes {
  readonly slashes: Slash[] = []
  readonly #held = new Map<Address, Stake>()
  readonly #log: WriteLog

  constructor(log: WriteLog) {
    this.#log = log
  }

  stake(node: Address, owner: Address, roles: readonly Role[], amountWei: bigint): void {
    const held = this.#held.get(node)
    if (held && held.owner !== owner) throw new Reverted('AlreadyStaked')
    const stakeWei = (held?.stakeWei ?? 0n) + amountWei
    this.#held.set(node, { owner, roles, stakeWei, lockedWei: held?.lockedWei ?? 0n })
    this.#log({ kind: 'staked', node, owner, roles, stakeWei })
  }

  exit(node: Address): void {
    if (!this.#held.delete(node)) throw new Reverted('NotStaked')
    this.#log({ kind: 'exiting', node })
  }

  /** Locks part of a stake, or lets it go where the amount is negative. */
  lock(node: Address, amountWei: bigint): void {
    const stake = this.#held.get(node)
    if (amountWei < 0n && !stake) return
    if (!stake) throw new Reverted('NotActive')
    const lockedWei = stake.lockedWei + amountWei
    if (lockedWei > stake.stakeWei) throw new Reverted('LockOverStake')
    this.#held.set(node, { ...stake, lockedWei: lockedWei < 0n ? 0n : lockedWei })
  }

  slash(node: Address, amountWei: bigint, why: Slash['why']): void {
    const stake = this.#held.get(node)
    if (!stake) return
    const { owner, roles } = stake
    const stakeWei = stake.stakeWei > amountWei ? stake.stakeWei - amountWei : 0n
    this.#held.set(node, { ...stake, stakeWei })
    this.slashes.push({ node, why, amountWei: stake.stakeWei - stakeWei })
    this.#log({ kind: 'staked', node, owner, roles, stakeWei })
  }

  /** Part of a stake, in basis points. */
  slashBps(node: Address, bps: number, why: Slash['why']): void {
    this.slash(node, ((this.#held.get(node)?.stakeWei ?? 0n) * BigInt(bps)) / 10_000n, why)
  }

  /** Who staked for a node; the node itself where nobody did. */
  ownerOf(node: Address): Address {
    return this.#held.get(node)?.owner ?? node
  }

  /** Stake of a validator. @throws Reverted for who is none */
  validatorWei(node: Address): bigint {
    const stake = this.#held.get(node)
    if (!stake?.roles.includes('validator')) throw new Reverted('NotActiveValidator')
    return stake.stakeWei
  }

  validatorsWei(): bigint {
    return this.#validators().reduce((sum, [, { stakeWei }]) => sum + stakeWei, 0n)
  }

  /** Validators by lot, with chances that follow their stakes; one with much stake may hold several seats. */
  draw(seed: Hash, seats: number, excluded: readonly Address[]): Address[] {
    const order = this.#validators().filter(([node]) => !excluded.includes(node))
    const totalWei = order.reduce((sum, [, { stakeWei }]) => sum + stakeWei, 0n)
    if (totalWei === 0n) return []
    return Array.from({ length: seats }, (_, seat) => {
      let point = toBigInt(keccak(fromHex(seed), word(seat))) % totalWei
      return order.find(([, { stakeWei }]) => {
        point -= stakeWei
        return point < 0n
      })![0]
    })
  }

  #validators(): [Address, Stake][] {
    return [...this.#held].filter(([, { roles }]) => roles.includes('validator'))
  }
}
