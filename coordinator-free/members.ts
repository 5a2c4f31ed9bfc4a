/** The nodes with a stake, and the order in which they take their turns. Everyone reads the same list off the chain. */
import type { Role } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { drawOf, rank } from './rank.ts'
import { type Derived, type Member, Registry, type StakeFact } from './registry.ts'
import { seatsAmong } from './seats.ts'

export class Members {
  #registry: Registry
  /** How many facts this node has heard of it. */
  #heard = 0
  #derived: Derived | undefined

  /** @param registry the simulator's nodes share one */
  constructor(registry = new Registry()) {
    this.#registry = registry
  }

  /** @returns false of what is known already: a stake that nothing was added to is told of all the same */
  merge(fact: StakeFact): boolean {
    if (isSame(this.get(fact.node), fact)) return false
    this.#registry = this.#registry.after(this.#heard, fact)
    this.#heard += 1
    this.#derived = undefined
    return true
  }

  get(node: Address): Member | undefined {
    return this.#registry.get(node, this.#heard)
  }

  /** Also of who has left: its stake may be locked still, or have gone to another key of the same owner. */
  ownerOf(node: Address): Address | undefined {
    return this.#registry.ownerOf(node, this.#heard)
  }

  has(node: Address, role: Role): boolean {
    return this.get(node)?.roles.includes(role) === true
  }

  withRole(role: Role): readonly Member[] {
    const { withRole } = this.#known
    const held = withRole.get(role)
    if (held) return held
    const all = this.#registry.members(this.#heard)
    const members = all.filter(({ roles }) => roles.includes(role))
    withRole.set(role, members)
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

  get #known(): Derived {
    this.#derived ??= this.#registry.derived(this.#heard)
    return this.#derived
  }

  #ordersOf(purpose: string): Map<Hash, readonly Member[]> {
    const { orders } = this.#known
    const held = orders.get(purpose)
    if (held) return held
    const fresh = new Map<Hash, readonly Member[]>()
    orders.set(purpose, fresh)
    return fresh
  }
}

/** A few for each open job; when full they are simply worked out again. */
const MAX_ORDERS = 20_000

function isSame(held: Member | undefined, fact: StakeFact): boolean {
  if (fact.kind === 'exiting') return held === undefined
  if (held?.owner !== fact.owner || held.stakeWei !== fact.stakeWei) return false
  return (
    held.roles.length === fact.roles.length && held.roles.every((role) => fact.roles.includes(role))
  )
}
