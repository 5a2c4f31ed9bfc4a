/**
 * What the chain has told of stakes, in its order. It only grows, so several readers may share one, each up to where it has
 * heard; a reader that hears otherwise goes on with one of its own.
 */
import type { ChainLog, Role } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'

export interface Member {
  readonly node: Address
  /** The cold account that staked for the node and is paid for its work. */
  readonly owner: Address
  readonly roles: readonly Role[]
  readonly stakeWei: bigint
}

export type StakeFact = Extract<ChainLog, { kind: 'staked' | 'exiting' }>

/** What follows from the members at one point, worked out as it is asked for. */
export interface Derived {
  readonly withRole: Map<Role, readonly Member[]>
  /** Orders by purpose and subject: duties ask for them again and again. */
  readonly orders: Map<string, Map<Hash, readonly Member[]>>
}

/** What a node was from some number of facts on; nothing after it has left. */
interface Standing {
  readonly from: number
  readonly member: Member | undefined
}

/** Points for which something derived is kept: readers are a few facts apart. */
const MAX_DERIVED = 64

export class Registry {
  readonly #facts: StakeFact[] = []
  readonly #byNode = new Map<Address, Standing[]>()
  readonly #derived = new Map<number, Derived>()

  /** The registry of a reader that has heard `count` facts of this one, and then this. */
  after(count: number, fact: StakeFact): Registry {
    if (this.#facts[count] === fact) return this
    if (count === this.#facts.length) {
      this.#add(fact)
      return this
    }
    const other = new Registry()
    for (const told of this.#facts.slice(0, count)) other.#add(told)
    other.#add(fact)
    return other
  }

  #add(fact: StakeFact): void {
    this.#facts.push(fact)
    const standing = { from: this.#facts.length, member: fact.kind === 'staked' ? fact : undefined }
    const standings = this.#byNode.get(fact.node)
    if (standings) standings.push(standing)
    else this.#byNode.set(fact.node, [standing])
  }

  /** The node as it stood after so many facts. */
  get(node: Address, count: number): Member | undefined {
    return memberAt(this.#byNode.get(node), count)
  }

  /** The owner of a node that is, or was last, a member by then. */
  ownerOf(node: Address, count: number): Address | undefined {
    const past = (this.#byNode.get(node) ?? []).filter(({ from }) => from <= count)
    return past.findLast(({ member }) => member)?.member?.owner
  }

  /** All members after so many facts. */
  members(count: number): Member[] {
    return [...this.#byNode.values()].flatMap((standings) => memberAt(standings, count) ?? [])
  }

  derived(count: number): Derived {
    const held = this.#derived.get(count)
    if (held) return held
    const fresh = { withRole: new Map(), orders: new Map() }
    if (this.#derived.size >= MAX_DERIVED) this.#derived.delete(this.#derived.keys().next().value!)
    this.#derived.set(count, fresh)
    return fresh
  }
}

function memberAt(standings: readonly Standing[] | undefined, count: number): Member | undefined {
  if (!standings) return undefined
  for (let i = standings.length - 1; i >= 0; i--) {
    if (standings[i]!.from <= count) return standings[i]!.member
  }
  return undefined
}
