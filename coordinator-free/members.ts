/** The nodes with a stake, and the order in which they take their turns. Everyone reads the same list off the chain. */
import type { ChainLog, Role } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { drawOf, rank } from './rank.ts'
import { seatsAmong } from './seats.ts'

export interface Member {
  readonly node: Address
  /** The cold account that staked for the node and is paid for its work. */
  readonly owner: Address
  readonly roles: readonly Role[]
  readonly stakeWei: bigint
}

/** Orders that were worked out for the same members, by purpose and subject: duties ask for them again and again. */
export type Rankings = Map<string, Map<Hash, readonly Member[]>>

export class Members {
  readonly #byNode = new Map<Address, Member>()
  readonly #rankingsOf: (members: readonly Member[]) => Rankings
  readonly #withRole = new Map<Role, readonly Member[]>()
  #rankings: Rankings | undefined

  /** @param rankingsOf where orders are kept; the simulator keeps those of equal members once for all its nodes */
  constructor(rankingsOf: (members: readonly Member[]) => Rankings = () => new Map()) {
    this.#rankingsOf = rankingsOf
  }

  merge(fact: Extract<ChainLog, { kind: 'staked' | 'exiting' }>): void {
    if (fact.kind === 'exiting') this.#byNode.delete(fact.node)
    else this.#byNode.set(fact.node, fact)
    this.#withRole.clear()
    this.#rankings = undefined
  }

  get(node: Address): Member | undefined {
    return this.#byNode.get(node)
  }

  has(node: Address, role: Role): boolean {
    return this.#byNode.get(node)?.roles.includes(role) === true
  }

  withRole(role: Role): readonly Member[] {
    const held = this.#withRole.get(role)
    if (held) return held
    const members = [...this.#byNode.values()].filter(({ roles }) => roles.includes(role))
    this.#withRole.set(role, members)
    return members
  }

  /** The members of a role in the order of their turns at `purpose` for `subject`. A purpose belongs to one role. */
  ranked(role: Role, purpose: string, subject: Hash): readonly Member[] {
    const orders = this.#ordersOf(purpose)
    const held = orders.get(subject)
    if (held) return held
    const order = rank(this.withRole(role), purpose, subject)
    if (orders.size >= MAX_ORDERS) orders.clear()
    orders.set(subject, order)
    return order
  }

  /**
   * The members of a role by their seats at `purpose` for `subject`: those drawn for `seats` seats, then the others as they
   * would follow. Members of the owner `except` have none; a subject belongs to one such owner.
   */
  seated(
    role: Role,
    purpose: string,
    subject: Hash,
    seats: number,
    except: Address | undefined,
  ): readonly Member[] {
    const orders = this.#ordersOf(`${purpose} seats`)
    const held = orders.get(subject)
    if (held) return held
    const able = this.ranked(role, purpose, subject).filter(({ owner }) => owner !== except)
    const drawn = new Set(seatsAmong(able, seats, drawOf(`${purpose} seats`, subject)))
    const order = [...drawn, ...able.filter((member) => !drawn.has(member))]
    if (orders.size >= MAX_ORDERS) orders.clear()
    orders.set(subject, order)
    return order
  }

  #ordersOf(purpose: string): Map<Hash, readonly Member[]> {
    this.#rankings ??= this.#rankingsOf([...this.#byNode.values()])
    const held = this.#rankings.get(purpose)
    if (held) return held
    const orders = new Map<Hash, readonly Member[]>()
    this.#rankings.set(purpose, orders)
    return orders
  }
}

/** A few for each open job; when full they are simply worked out again. */
const MAX_ORDERS = 20_000
